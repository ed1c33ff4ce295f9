package events

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// Funnel counts who goes all the way.
type Funnel struct {
	Scope
	Form
	Steps  []string `arg:"" help:"Names of the events, in order; with conditions as 'paid?plan=pro&price>10'."`
	Within lasting  `default:"7d" help:"How long after the first step the last may be, such as 90m, 24h or 7d."`
}

// Run asks.
func (c *Funnel) Run(h *Host) error {
	if len(c.Steps) < 2 || len(c.Steps) > 10 {
		return errors.New("a funnel has two to ten steps; name the events in the order in which they are done")
	}
	var steps []map[string]any
	for _, text := range c.Steps {
		step, err := selected(text)
		if err != nil {
			return err
		}
		steps = append(steps, step)
	}
	q, err := c.question(map[string]any{"within_seconds": int(time.Duration(c.Within).Seconds())})
	if err != nil {
		return err
	}
	q["steps"] = steps
	return h.ask("funnel", q, c.Form)
}

// printFunnel prints the answer as people read it: with the events' names, and times in their units.
func printFunnel(w io.Writer, question any, a apiclient.Answer) error {
	steps := stepsOf(question)
	shown := apiclient.Answer{More: a.More}
	for i, row := range a.Rows {
		if len(row) != 3 || i >= len(steps) { // of a server that answers otherwise
			return printTable(w, heads(a), a)
		}
		shown.Rows = append(shown.Rows, []any{row[0], steps[i], row[1], span(row[2])})
	}
	return printTable(w, []string{"STEP", "EVENT", "VISITORS", "MEDIAN-TIME"}, shown)
}

// stepsOf are the steps of a question, as the command line takes them.
func stepsOf(question any) (steps []string) {
	raw, _ := json.Marshal(question) // what it cannot be made of has no steps
	var q struct {
		Steps []struct {
			Event, Kind string
			Where       []struct{ Property, Is, Value string }
		}
	}
	_ = json.Unmarshal(raw, &q)
	sign := map[string]string{"equal": "=", "not_equal": "!=", "contains": "~", "less": "<", "more": ">"}
	for _, s := range q.Steps {
		var where []string
		for _, c := range s.Where {
			if c.Is == "not_set" {
				c.Property += " not set"
			}
			where = append(where, c.Property+sign[c.Is]+c.Value)
		}
		step := cmp.Or(s.Event, s.Kind, "(any)")
		if len(where) > 0 {
			step += "?" + strings.Join(where, "&")
		}
		steps = append(steps, step)
	}
	return steps
}

// span is a number of seconds in words.
func span(seconds any) string {
	s, is := seconds.(float64)
	switch {
	case !is:
		return ""
	case s < 0.05:
		return "< 0.1 s"
	case s < 59.5:
		return tenths(s) + " s"
	case s < 59.5*60:
		return tenths(s/60) + " min"
	case s < 47.5*3600:
		return tenths(s/3600) + " h"
	default:
		return tenths(s/86400) + " days"
	}
}

// tenths is a number with a decimal where it is small.
func tenths(x float64) string {
	if x < 9.95 {
		return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
	}
	return fmt.Sprintf("%.0f", x)
}
