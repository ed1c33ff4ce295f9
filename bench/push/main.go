package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
)

func main() {
	rounds := flag.Int("rounds", 20, "pushes to each of the two with a warm worker")
	large := flag.Int("large", 1024, "size of the large repository, in MiB; 0 leaves it out")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error { return measure(ctx, r, *rounds, *large) })
}

// row is one line of the table.
type row struct {
	name  string
	times []time.Duration
}

// target is how long it may take with a warm worker.
const target = 150 * time.Millisecond

func measure(ctx context.Context, r *rig.Rig, rounds, large int) (err error) {
	peer, err := r.Buildbot(ctx, "buildbot", true)
	if err != nil {
		return err
	}
	server, err := r.Serve(ctx, "server", false)
	if err != nil {
		return err
	}
	feed := server.Follow(ctx)
	defer func() { err = errors.Join(err, feed.Close()) }()
	b := &bench{rig: r, server: server, feed: feed, peer: peer}
	load := rig.Load()
	rows, err := b.warm(ctx, rounds)
	if err != nil {
		return err
	}
	cold, err := b.cold(ctx, max(rounds/4, 1))
	if err != nil {
		return err
	}
	rows = append(rows, cold)
	if large > 0 {
		more, err := b.large(ctx, large, max(rounds/2, 1))
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	return print(rows, load)
}

func print(rows []row, load string) error {
	var cells [][]string
	for _, row := range rows {
		cells = append(cells, []string{row.name, fmt.Sprint(len(row.times)), rig.Millis(rig.Median(row.times)), rig.Millis(rig.Quantile(row.times, 0)), rig.Millis(rig.Quantile(row.times, 0.9))})
	}
	if err := rig.Table(os.Stdout, []string{"push accepted → first test command, ms", "pushes", "median", "least", "p90"}, cells); err != nil {
		return err
	}
	warm, bot := rig.Median(rows[0].times), rig.Median(rows[2].times)
	fmt.Printf("target: median of the first line at most %v: %s; %.1f times as fast as Buildbot with a checkout; load before and after: %s, %s\n",
		target, rig.Verdict(warm <= target), float64(bot)/float64(warm), load, rig.Load())
	return nil
}
