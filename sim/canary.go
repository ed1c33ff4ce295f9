package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/sim/canary"
	"github.com/slipwayhq/slipway/sim/peer"
	"github.com/slipwayhq/slipway/sim/slipway"
	"github.com/slipwayhq/slipway/sim/trial"
	worlds "github.com/slipwayhq/slipway/sim/world"
)

// canaries is the benchmark of canary judges: all scenarios, all judges, one row each.
func canaries(args []string, out, progress io.Writer) error {
	var asJSON bool
	var scenarios, judges, kept string
	plan := trial.Plan{All: worlds.Catalogue(), Progress: progress}
	flags := flag.NewFlagSet("sim canary", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Uint64Var(&plan.Seed, "seed", 1, "seed of all random numbers")
	flags.IntVar(&plan.Runs, "runs", 1000, "rollouts of each scenario")
	flags.IntVar(&plan.Workers, "workers", runtime.NumCPU(), "rollouts at once; the result does not depend on it")
	flags.Func("alpha", "false rollbacks allowed, per rollout; several by commas are played on the same streams (default 0.05)", func(text string) error {
		for part := range strings.SplitSeq(text, ",") {
			alpha, err := strconv.ParseFloat(part, 64)
			if err != nil || !(alpha > 0 && alpha <= 0.5) {
				return fmt.Errorf("%q is not in (0, 0.5]", part)
			}
			plan.Alphas = append(plan.Alphas, alpha)
		}
		return nil
	})
	flags.BoolVar(&asJSON, "json", false, "print JSON, one row a line")
	flags.StringVar(&scenarios, "scenario", "", "regular expression: only scenarios whose name matches")
	flags.StringVar(&judges, "judge", "", "regular expression: only judges whose name matches")
	flags.IntVar(&plan.Cadence, "cadence", 0, "all judges look every so many seconds, a multiple of 10; 0: each as its makers advise")
	flags.BoolVar(&plan.Calibrated, "calibrated", false, "all judges at the threshold with which they roll back the fraction alpha of the same world without harm")
	flags.StringVar(&kept, "keep", "", "a file of rows: those in it are not played again, new ones are added as soon as they are known; after a change of a judge its rows must go")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if plan.Alphas == nil {
		plan.Alphas = []float64{0.05}
	}
	if plan.Runs < 1 || plan.Workers < 1 || plan.Cadence < 0 || plan.Cadence%worlds.TickSeconds != 0 || flags.NArg() > 0 {
		return fmt.Errorf("runs and workers must be at least 1, cadence a multiple of %d, and nothing may follow the flags", worlds.TickSeconds)
	}
	if err := choose(&plan, scenarios, judges); err != nil {
		return err
	}
	if kept != "" {
		rows, err := trial.OpenKept(kept)
		if err != nil {
			return fmt.Errorf("-keep: %w", err)
		}
		plan.Kept = rows
		defer rows.Close() // each row was written with its error
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		return plan.Run(func(r trial.Row) error { return encoder.Encode(r) })
	}
	table := trial.Markdown{Out: out}
	return plan.Run(table.Row)
}

// choose picks what the patterns match. Ours comes first.
func choose(plan *trial.Plan, scenarios, judges string) error {
	s, err := regexp.Compile(scenarios)
	if err != nil {
		return fmt.Errorf("-scenario: %w", err)
	}
	j, err := regexp.Compile(judges)
	if err != nil {
		return fmt.Errorf("-judge: %w", err)
	}
	for _, scenario := range plan.All {
		if s.MatchString(scenario.Name) {
			plan.Scenarios = append(plan.Scenarios, scenario)
		}
	}
	for _, maker := range append([]canary.Maker{slipway.Maker()}, peer.All()...) {
		if j.MatchString(maker.Name) {
			plan.Makers = append(plan.Makers, maker)
		}
	}
	if len(plan.Scenarios) == 0 || len(plan.Makers) == 0 {
		return fmt.Errorf("%d scenarios match %q and %d judges %q", len(plan.Scenarios), scenarios, len(plan.Makers), judges)
	}
	return nil
}
