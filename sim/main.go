package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	if err := simulate(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

// options of the program.
type options struct {
	seed    uint64
	runs    int
	workers int
	alpha   float64
	json    bool
	quick   bool
}

// simulate runs all cells and prints them, or the benchmark of canary judges. It fails when a promise is broken.
func simulate(args []string, out, progress io.Writer) error {
	if len(args) > 0 && args[0] == "canary" {
		return canaries(args[1:], out, progress)
	}
	var o options
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", 1, "seed of all random numbers")
	flags.IntVar(&o.runs, "runs", 10_000, "rollouts of a release that changes nothing, per cell; a tenth (a thirtieth at 2,000 requests/s) for the other cells")
	flags.IntVar(&o.workers, "workers", runtime.NumCPU(), "rollouts at once; the result does not depend on it")
	flags.Float64Var(&o.alpha, "alpha", 0.05, "false rollbacks allowed, per rollout")
	flags.BoolVar(&o.json, "json", false, "print JSON, one cell a line")
	flags.BoolVar(&o.quick, "quick", false, "300 rollouts a cell, and only up to 200 requests a second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.runs < 10 || o.workers < 1 || !(o.alpha > 0 && o.alpha <= 0.5) {
		return fmt.Errorf("runs must be at least 10, workers at least 1, alpha in (0, 0.5]")
	}
	broken := 0
	t := table{out: out}
	for i, c := range cells(o) {
		r := c.run(o.alpha, o.seed, uint64(i), o.workers)
		if r.broken() {
			broken++
		}
		if err := o.print(out, &t, r); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d cells roll back more often than alpha plus 3 standard errors", broken)
	}
	_, err := fmt.Fprintf(progress, "\nno bound is broken: at most %g %% false rollbacks, plus 3 standard errors\n", o.alpha*100)
	return err
}

func (o options) print(out io.Writer, t *table, r result) error {
	if o.json {
		return json.NewEncoder(out).Encode(r)
	}
	return t.row(r)
}
