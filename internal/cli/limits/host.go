package limits

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// Host is what the commands run in.
type Host struct {
	Context context.Context //nolint:containedctx // the life of the program: kong gives Run no other way
	// Find gives the way to the server, and the app.
	Find func() (*apiclient.Client, string, error)
	In   io.Reader
	Out  io.Writer
}

// in runs a function with the way to the server.
func (h *Host) in(do func(c *apiclient.Client, app string) error) error {
	c, app, err := h.Find()
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c, app)
}

// say prints a line. Keys are what strangers sent.
func (h *Host) say(format string, args ...any) {
	_, _ = fmt.Fprintln(h.Out, printable.Line(fmt.Sprintf(format, args...)))
}

func (h *Host) json(v any) error {
	e := json.NewEncoder(h.Out)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// table prints rows under a head.
func (h *Host) table(head string, rows [][]string) error {
	t := tabwriter.NewWriter(h.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	for _, r := range rows {
		for i := range r {
			r[i] = printable.Line(strings.ReplaceAll(r[i], "\t", " "))
		}
		_, _ = fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print a table: %w", err)
	}
	return nil
}

// span reads a length of time: 90m, 24h, 7d.
func span(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 64); err == nil && n > 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fault.Invalid("%q is no length of time; write it like 90m, 24h or 7d", text)
}

// ago is the time so long before now.
func ago(text string) (time.Time, error) {
	d, err := span(text)
	return time.Now().Add(-d), err
}

// whole is the whole group that a key means: people may leave out what the limit says already.
func whole(group, key string) string {
	if key == group || strings.HasPrefix(key, group+":") {
		return key
	}
	return group + ":" + key
}

// number writes thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && n >= 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func who(actor string) string { return strings.TrimPrefix(actor, "person:") }

func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
