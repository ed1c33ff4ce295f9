package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// listing is for verbs that list.
type listing struct {
	JSON  bool `name:"json" help:"Print the API's JSON: an array, or one object when one was named."`
	Limit int  `short:"n" help:"How many at most." default:"20"`
}

// show prints items as a table, or as a JSON array with all fields that the API gave.
func show[T any](p *program, asJSON bool, items []apiclient.Item[T], head string, row func(T) []any) error {
	if asJSON {
		if items == nil {
			items = []apiclient.Item[T]{}
		}
		return p.printJSON(items)
	}
	if len(items) == 0 {
		p.say("none")
		return nil
	}
	rows := make([][]any, 0, len(items))
	for _, item := range items {
		rows = append(rows, row(item.Value))
	}
	return p.table(head, rows)
}

// table prints rows under the words of head.
func (p *program) table(head string, rows [][]any) error {
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	for _, cells := range rows {
		for i, cell := range cells {
			if i > 0 {
				_, _ = fmt.Fprint(t, "\t")
			}
			_, _ = fmt.Fprint(t, cell)
		}
		_, _ = fmt.Fprintln(t)
	}
	return t.Flush()
}

// printJSON prints a value for people who read JSON and programs alike.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
