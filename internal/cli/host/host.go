// Package host is what commands about an app run in: the way to its server, and the terminal. What strangers have sent is printed so that it commands no terminal.
package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// Host is what a command runs in.
type Host struct {
	Context context.Context //nolint:containedctx // the life of the program: kong gives Run no other way
	// Find gives the way to the server, and the app.
	Find func() (*apiclient.Client, string, error)
	In   io.Reader
	Out  io.Writer
}

// Ask runs a function with the way to the server.
func (h *Host) Ask(do func(c *apiclient.Client, app string) error) error {
	c, app, err := h.Find()
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c, app)
}

// Say prints a line, or several.
func (h *Host) Say(format string, args ...any) {
	_, _ = fmt.Fprintln(h.Out, printable.Text(fmt.Sprintf(format, args...)))
}

// JSON prints a value as the API has it.
func (h *Host) JSON(v any) error {
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err == nil {
		_, err = h.Out.Write(printable.JSON(raw.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// Table prints rows under a head, whose words are the columns.
func (h *Host) Table(head string, rows [][]string) error {
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
