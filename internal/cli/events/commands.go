package events

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/host"
	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// Host is what the commands run in.
type Host struct {
	host.Host
	Err io.Writer // what is said beside the answer
}

// Commands are those of slipway events.
type Commands struct {
	Tail      Tail      `cmd:"" help:"Follow what users do as it comes."`
	Trend     Trend     `cmd:"" help:"Count events or visitors over time."`
	Funnel    Funnel    `cmd:"" help:"Count the visitors who do one thing after another."`
	Retention Retention `cmd:"" help:"Count the visitors who come back."`
	Top       Top       `cmd:"" help:"List the most frequent values of a property."`
	User      User      `cmd:"" help:"List what one visitor did, the newest first."`

	ExportUser ExportUser `cmd:"" help:"Give out all that is stored of a user, as lines of JSON."`
	ForgetUser ForgetUser `cmd:"" help:"Say what is stored of a user; with --yes, remove it."`

	SQL     SQL     `cmd:"" name:"sql" help:"Ask one SELECT; the tables are events, activity, people, failed and learned."`
	Saved   Saved   `cmd:"" help:"List the saved questions, or ask one."`
	Plan    Plan    `cmd:"" help:"Show, check and change what events are to be, and list what came."`
	Failed  Failed  `cmd:"" help:"Count what came and is no event; with --list, show it."`
	Repair  Repair  `cmd:"" help:"Make events of failed ones by a jq program."`
	Rebuild Rebuild `cmd:"" help:"Make the store of events anew, from the archive and the log."`
}

// Scope is the time and the place of a question.
type Scope struct {
	Since string `help:"From when on: a time, a day, or how long ago, such as 90m, 24h or 7d." default:"7d"`
	Until string `help:"Up to when. By default now."`
	Zone  string `help:"Time zone that days begin in, such as Europe/Berlin." default:"UTC"`
	Env   string `help:"Only what was sent from this environment."`
}

// Form is how an answer is printed.
type Form struct {
	JSON bool `name:"json" xor:"form" help:"Print the API's JSON."`
	CSV  bool `name:"csv" xor:"form" help:"Print CSV."`
	SQL  bool `name:"show-sql" xor:"form" help:"Print the SQL that was asked, ready for slipway events sql."`
}

// question makes what the API takes of a scope and more.
func (s Scope) question(more map[string]any) (map[string]any, error) {
	now := time.Now().UTC()
	from, err := moment(s.Since, now)
	if err != nil {
		return nil, err
	}
	to := now
	if s.Until != "" {
		if to, err = moment(s.Until, now); err != nil {
			return nil, err
		}
	}
	q := map[string]any{"from": from, "to": to, "zone": s.Zone}
	if s.Env != "" {
		q["environment"] = s.Env
	}
	for name, value := range more {
		if value != "" && value != nil {
			q[name] = value
		}
	}
	return q, nil
}

// moment reads a time, a day, or how long ago.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if d, ok := long(text); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 90m, 24h or 7d", text)
}

// long reads how long 90m, 24h or 7d is.
func long(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * 24 * float64(time.Hour)), err == nil && n >= 0 && n < 1e5
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// lasting is how long something may take, as people write it.
type lasting time.Duration

// UnmarshalText reads it.
func (l *lasting) UnmarshalText(text []byte) error {
	d, ok := long(string(text))
	if !ok || d < time.Second {
		return fmt.Errorf("%q is no time; write 90m, 24h or 7d", text)
	}
	*l = lasting(d)
	return nil
}

// ask asks, and prints the answer.
func (h *Host) ask(kind string, question any, f Form) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	a, err := client.Ask(h.Context, app, kind, question)
	if err != nil {
		return err
	}
	if err := h.print(kind, question, h.shown(client, app, kind, a, f), f); err != nil || f.JSON || f.SQL {
		return err
	}
	h.unknown(client, app, question, a.Value)
	return nil
}

// print prints the answer to a question.
func (h *Host) print(kind string, question any, a apiclient.Item[apiclient.Answer], f Form) (err error) {
	switch {
	case f.JSON:
		return h.JSON(a)
	case f.SQL:
		_, err = fmt.Fprintln(h.Out, printable.Text(a.Value.SQL))
		return err
	case f.CSV:
		return printCSV(h.Out, a.Value)
	case kind == "sql": // who asks in words of their own finds them again
		return printTable(h.Out, names(a.Value), a.Value)
	case kind == "funnel":
		return printFunnel(h.Out, question, a.Value)
	default:
		return printTable(h.Out, heads(a.Value), a.Value)
	}
}

// line is a text that came from outside, for a line or a cell of a table.
func line(s string) string { return printable.Line(strings.ReplaceAll(s, "\t", " ")) }

func names(a apiclient.Answer) []string {
	out := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		out[i] = line(c.Name)
	}
	return out
}

// heads are the names as tables of our own columns have them.
func heads(a apiclient.Answer) []string {
	return strings.Fields(strings.ToUpper(strings.ReplaceAll(strings.Join(names(a), " "), "_", "-")))
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func printCSV(w io.Writer, a apiclient.Answer) error {
	out := csv.NewWriter(w)
	rows := [][]string{names(a)}
	for _, row := range a.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = printable.Text(cell(v))
		}
		rows = append(rows, cells)
	}
	return out.WriteAll(rows)
}

func printTable(w io.Writer, heads []string, a apiclient.Answer) error {
	if len(a.Rows) == 0 {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.Join(heads, "\t"))
	for _, row := range a.Rows {
		for i, v := range row {
			if i > 0 {
				_, _ = fmt.Fprint(t, "\t")
			}
			_, _ = fmt.Fprint(t, line(cell(v)))
		}
		_, _ = fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if a.More {
		_, _ = fmt.Fprintf(w, "(the first %d rows)\n", len(a.Rows))
	}
	return nil
}

// Trend counts over time.
type Trend struct {
	Scope
	Form
	Event string `arg:"" optional:"" help:"Name of the event; any, when it is left out."`
	Where
	Measure  string `enum:"events,visitors,sum,average,p90" default:"events" help:"events, visitors, sum, average or p90."`
	Of       string `help:"Property that sum, average and p90 are of."`
	Interval string `enum:"minute,hour,day,week,month" default:"day" help:"minute, hour, day, week or month."`
	Split    string `help:"Property whose values are counted apart."`
}

// Run asks.
func (c *Trend) Run(h *Host) error {
	where, err := c.where("events trend", c.Event, "")
	if err != nil {
		return err
	}
	q, err := c.question(map[string]any{"event": c.Event, "measure": c.Measure, "of": c.Of, "interval": c.Interval, "split": c.Split})
	if err != nil {
		return err
	}
	q["where"] = where
	return h.ask("trend", q, c.Form)
}

// Retention counts who comes back.
type Retention struct {
	Scope
	Form
	First    string `help:"Event that makes a visitor one of a cohort, with conditions as in a funnel; any, when it is left out."`
	Back     string `help:"Event that counts as coming back, with conditions as in a funnel; any, when it is left out."`
	Interval string `enum:"day,week,month" default:"day" help:"day, week or month."`
}

// Run asks.
func (c *Retention) Run(h *Host) error {
	q, err := c.question(map[string]any{"interval": c.Interval})
	if err != nil {
		return err
	}
	for as, text := range map[string]string{"first": c.First, "back": c.Back} {
		if q[as], err = selected(text); err != nil {
			return err
		}
	}
	return h.ask("retention", q, c.Form)
}

// Top lists values.
type Top struct {
	Scope
	Form
	Property string `arg:"" help:"Such as plan, context.page.path, event.name or event.release."`
	Event    string `help:"Only of this event."`
	Where
	Limit int `short:"n" default:"20" help:"How many at most."`
}

// Run asks.
func (c *Top) Run(h *Host) error {
	where, err := c.where("events top "+c.Property, c.Event, "--event ")
	if err != nil {
		return err
	}
	q, err := c.question(map[string]any{"event": c.Event, "property": c.Property, "limit": c.Limit})
	if err != nil {
		return err
	}
	q["where"] = where
	return h.ask("top", q, c.Form)
}

// SQL asks in a person's own words.
type SQL struct {
	JSON  bool   `name:"json" xor:"form" help:"Print the API's JSON."`
	CSV   bool   `name:"csv" xor:"form" help:"Print CSV."`
	Text  string `arg:"" optional:"" help:"The SELECT; - reads it from standard input, @FILE from a file."`
	Saved string `help:"Ask the saved SELECT of this name."`
	Limit int    `short:"n" default:"1000" help:"How many rows at most."`
	// Parquet is a file, since a terminal cannot show it.
	Parquet string `xor:"form" placeholder:"FILE" help:"Write the answer into a Parquet file; - writes it to standard output."`
}

// Run asks.
func (c *SQL) Run(h *Host) error {
	text, err := c.words(h)
	if err != nil {
		return err
	}
	if c.Parquet != "" {
		return h.parquet(c.Parquet, text, c.Limit)
	}
	return h.ask("sql", map[string]any{"sql": text, "limit": c.Limit}, Form{JSON: c.JSON, CSV: c.CSV})
}

// text is what an argument says, or points to.
func (h *Host) text(arg string) (string, error) {
	var raw []byte
	var err error
	switch name, file := strings.CutPrefix(arg, "@"); {
	case arg == "-":
		raw, err = io.ReadAll(h.In)
	case file:
		raw, err = os.ReadFile(name)
	default:
		return arg, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", arg, err)
	}
	return string(raw), nil
}
