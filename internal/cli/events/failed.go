package events

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// Failed shows what came and is no event.
type Failed struct {
	List   bool   `help:"Show the events themselves, oldest first."`
	Whole  bool   `help:"With --list: all of what came; by default what is long is cut."`
	Reason string `help:"Only of this reason."`
	State  string `enum:"open,repaired,dropped," default:"open" help:"open, repaired or dropped."`
	Limit  int    `short:"n" default:"20" help:"How many at most."`
	JSON   bool   `name:"json" help:"Print the API's JSON."`
}

// Run prints counts, or events.
func (c *Failed) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	if c.List {
		return c.list(h, client, app)
	}
	counts, err := client.FailedCounts(h.Context, app)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return h.JSON(counts)
	case len(counts) == 0:
		_, err = fmt.Fprintln(h.Out, "none")
		return err
	}
	t := tabwriter.NewWriter(h.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "REASON\tSTATE\tCOUNT\tLAST")
	for _, n := range counts {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", line(n.Value.Reason), n.Value.State, n.Value.Count, n.Value.Last.Format(time.RFC3339))
	}
	return t.Flush()
}

func (c *Failed) list(h *Host, client *apiclient.Client, app string) error {
	failed, err := client.Failed(h.Context, app, c.Reason, c.State, c.Limit)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return h.JSON(failed)
	case len(failed) == 0:
		_, err = fmt.Fprintln(h.Out, "none")
		return err
	}
	for _, f := range failed {
		_, _ = fmt.Fprintf(h.Out, "%d  %s  %s: %s\n    %s\n", f.Value.Sequence, f.Value.Received.Format(time.RFC3339), line(f.Value.Reason), line(f.Value.Message), c.cut(line(string(f.Value.Raw))))
	}
	return nil
}

// mostShown is how many letters of what came are shown: one event may have 32 KB, and what failed for its size more.
const mostShown = 500

// cut is a text that may be shown whole, or its beginning, with how much is left out.
func (c *Failed) cut(text string) string {
	letters := []rune(text)
	if c.Whole || len(letters) <= mostShown {
		return text
	}
	return fmt.Sprintf("%s… (%d letters more; --whole shows all)", string(letters[:mostShown]), len(letters)-mostShown)
}

// Repair makes events of failed ones.
type Repair struct {
	Program string `arg:"" help:"jq: gets what came, gives what should have come; empty leaves it. - reads it from standard input, @FILE from a file."`
	Reason  string `help:"Only those that failed for this reason."`
	Limit   int    `short:"n" default:"100" help:"How many at most, from the oldest on."`
	Try     bool   `help:"Only show what would become of them."`
	JSON    bool   `name:"json" help:"Print the API's JSON."`
}

// Run repairs, and says what became of them.
func (c *Repair) Run(h *Host) error {
	program, err := h.text(c.Program)
	if err != nil {
		return err
	}
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	r, err := client.Repair(h.Context, app, program, c.Reason, c.Limit, c.Try)
	if err != nil {
		return err
	}
	if c.JSON {
		return h.JSON(r)
	}
	for _, one := range r.Value.Results {
		switch {
		case one.Message != "":
			_, _ = fmt.Fprintf(h.Out, "%d  %s\n", one.Sequence, line(one.Message))
		case c.Try:
			_, _ = fmt.Fprintf(h.Out, "%d  %s\n", one.Sequence, orNothing(one.Item))
		}
	}
	word := map[bool]string{false: "repaired", true: "would be repaired"}[c.Try]
	_, err = fmt.Fprintf(h.Out, "%d %s, %d left as they are, %d still no events\n", r.Value.Repaired, word, r.Value.Left, r.Value.Failed)
	return err
}

func orNothing(item json.RawMessage) string {
	if len(item) == 0 {
		return "left as it is"
	}
	return line(string(item))
}
