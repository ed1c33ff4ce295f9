// Command build measures what a build costs beside its tests, on the real service, the real leases over HTTP and real workers. Units sleep, so that two cores are enough.
//
//	go run ./bench/build [-big 1024]
//
// It prints two tables: a build's time over the bound max(longest unit, sum / workers), which no scheduler can beat, beside what the order in which units can only be taken
// costs by itself (one unit a lease, leases free), and the time from an accepted push to
// the start of its first command.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == proc.KeeperCommand {
		os.Exit(proc.KeeperMain())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{}
	flag.IntVar(&o.units, "units", 200, "units in a build")
	flag.IntVar(&o.workers, "workers", 8, "workers")
	flag.DurationVar(&o.mean, "mean", 400*time.Millisecond, "mean length of a unit")
	flag.IntVar(&o.draws, "draws", 5, "how often units that were never seen are drawn")
	flag.IntVar(&o.pushes, "pushes", 20, "pushes to take the time to the first command of")
	flag.IntVar(&o.big, "big", 0, "take that time with a repository of so many megabytes too (1024 needs 5 GB of disk)")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the lengths")
	flag.Parse()
	o.draws = max(o.draws, 1)
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/build:", err)
		os.Exit(1)
	}
}

type options struct {
	units, workers, draws, pushes, big int
	mean                               time.Duration
	seed                               uint64
}

func run(ctx context.Context, o options) error {
	w, err := open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	for i := range o.workers {
		if err := w.addWorker(ctx, fmt.Sprintf("w%d", i+1)); err != nil {
			return err
		}
	}
	if err := makespans(ctx, w, o); err != nil {
		return err
	}
	fmt.Println()
	if err := firstCommands(ctx, w, "first", o.pushes); err != nil || o.big == 0 {
		return err
	}
	return bigRepository(ctx, o.big)
}

// table starts an aligned table on standard output.
func table(heads string) *tabwriter.Writer {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, heads)
	return t
}
