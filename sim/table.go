package main

import (
	"fmt"
	"io"
)

// table prints results as the rows of a Markdown table, each as soon as it is known.
type table struct {
	out     io.Writer
	started bool
}

func (t *table) row(r result) error {
	if !t.started {
		t.started = true
		if _, err := fmt.Fprint(t.out, "| counted | visitors | harm | requests/s | rollouts | rolled back % | bound % | healthy % | unknown % | "+
			"harm ×2 excluded % | median s | p90 s | excess bad |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"); err != nil {
			return err
		}
	}
	bound, median, p90, excess := "", "", "", ""
	if r.Bound > 0 {
		bound = fmt.Sprintf("%.2f", r.Bound*100)
		if r.broken() {
			bound += " BROKEN"
		}
	}
	if r.MedianSeconds > 0 {
		median, p90 = fmt.Sprintf("%.0f", r.MedianSeconds), fmt.Sprintf("%.0f", r.P90Seconds)
	}
	if r.ExcessBad > 0 {
		excess = fmt.Sprintf("%.1f", r.ExcessBad)
	}
	_, err := fmt.Fprintf(t.out, "| %s | %s | %s | %g | %d | %.2f | %s | %.1f | %.1f | %.1f | %s | %s | %s |\n",
		r.Method, r.World, r.Harm, r.RPS, r.Runs, r.RolledBack*100, bound, r.Healthy*100, r.Unknown*100, r.RuledOut*100, median, p90, excess)
	return err
}
