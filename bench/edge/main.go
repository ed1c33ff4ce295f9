package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
)

type settings struct {
	Rounds int           `json:"rounds"`
	Time   time.Duration `json:"time"`
	Conns  int           `json:"connections"`
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		exit(play(role))
		return
	}
	var s settings
	flag.IntVar(&s.Rounds, "rounds", 5, "how often each proxy has its turn")
	flag.DurationVar(&s.Time, "time", 2*time.Second, "length of a turn")
	flag.IntVar(&s.Conns, "conns", 32, "connections of the load")
	asJSON := flag.Bool("json", false, "print one JSON object")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(measure(ctx, s, *asJSON))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// result is everything that is measured.
type result struct {
	Settings settings `json:"settings"`
	Load     string   `json:"load"`
	// Machine is the load averages of the machine before and after the comparison.
	Machine  [2]string `json:"machine"`
	Proxies  []figures `json:"proxies"`
	Changes  changes   `json:"changes"`
	Restarts changes   `json:"restarts"`
	// Lag is how long after its end a second was at the server, in milliseconds: median and most, over everything above.
	Lag [2]float64 `json:"lag_ms"`
}

// figures are one proxy's, medians over the rounds. Ratios compare with the bare proxy in the same round.
type figures struct {
	Name       string  `json:"name"`
	PerSecond  float64 `json:"requests_per_second"`
	CPU        float64 `json:"cpu_microseconds_per_request"`
	RateRatio  float64 `json:"rate_ratio"`
	CPURatio   float64 `json:"cpu_ratio"` // bare over this one: 0.9 means 11 % more CPU time
	perSecond  []float64
	cpu        []float64
	rateRatios []float64
	cpuRatios  []float64
}

func measure(ctx context.Context, s settings, asJSON bool) error {
	stage, err := build(ctx)
	if err != nil {
		return err
	}
	defer stage.close()
	r := result{Settings: s, Load: loadName(), Machine: [2]string{rig.Load()}}
	if r.Proxies, err = stage.compare(ctx, s); err != nil {
		return err
	}
	r.Machine[1] = rig.Load()
	if r.Changes, err = stage.change(ctx); err != nil {
		return err
	}
	if r.Restarts, err = stage.restart(ctx); err != nil {
		return err
	}
	stage.plane.mu.Lock()
	r.Lag = [2]float64{median(stage.plane.lags), slices.Max(stage.plane.lags)}
	stage.plane.mu.Unlock()
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.print(os.Stdout)
}

func (r result) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "proxy\treq/s\tratio\tCPU µs/req\tratio\t\n")
	for _, p := range r.Proxies {
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%.2f\t%.1f\t%.2f\t\n", p.Name, p.PerSecond, p.RateRatio, p.CPU, p.CPURatio)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	_, _ = fmt.Fprintf(w, "load: %s, %d connections; medians of %d rounds of %v; ratios to the first line, round by round; the edge should reach 0.90\n",
		r.Load, r.Settings.Conns, r.Settings.Rounds, r.Settings.Time)
	_, _ = fmt.Fprintf(w, "load of the machine: %s before, %s after\n", r.Machine[0], r.Machine[1])
	for _, c := range []changes{r.Changes, r.Restarts} {
		_, _ = fmt.Fprintf(w, "%d %s under load: %d GETs and %d POSTs, %d lost; counted %d, not counted %d; in force after %.1f ms (median), %.1f ms (most)\n",
			c.Number, c.What, c.Gets, c.Posts, c.Lost, c.Counted, c.Gets+c.Posts-c.Counted, c.MedianMS, c.MostMS)
	}
	_, _ = fmt.Fprintf(w, "a second was at the server %.1f ms (median), %.1f ms (most) after its end\n", r.Lag[0], r.Lag[1])
	return nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
