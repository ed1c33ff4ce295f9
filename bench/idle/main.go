package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	edgeserver "github.com/slipwayhq/slipway/internal/edge"
)

const (
	readyTarget  = time.Second
	memoryTarget = 120 << 20 // bytes
)

func main() {
	starts := flag.Int("starts", 5, "how often each is started")
	rest := flag.Duration("rest", 5*time.Second, "how long after its start a server's memory is read")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error { return measure(ctx, r, *starts, *rest) })
}

// row is one line of the table.
type row struct {
	name   string
	ready  []time.Duration
	memory []int64
}

func measure(ctx context.Context, r *rig.Rig, starts int, rest time.Duration) error {
	fresh, again := row{name: "slipway serve, first start"}, row{name: "slipway serve, later start"}
	edge, peer := row{name: "its edge"}, row{name: "Buildbot 3.7, master"}
	load := rig.Load()
	for i := range starts {
		name := fmt.Sprintf("server-%d", i+1)
		for _, to := range []*row{&fresh, &again} {
			if err := serve(ctx, r, name, rest, to, &edge); err != nil {
				return err
			}
		}
		bot, err := r.Buildbot(ctx, fmt.Sprintf("buildbot-%d", i+1), false)
		if err != nil {
			return err
		}
		if err := peer.take(ctx, bot.Master, bot.Ready, rest); err != nil {
			return err
		}
		bot.Master.Stop()
	}
	return print([]row{fresh, again, edge, peer}, load)
}

// serve starts a server with its edge, lets it rest, and stops both.
func serve(ctx context.Context, r *rig.Rig, name string, rest time.Duration, to, edge *row) error {
	server, err := r.Serve(ctx, name, true)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := to.take(ctx, server.Process, server.Ready, rest); err != nil {
		return err
	}
	status, err := edgeserver.Alive(r.Path(name, "edge"))
	if err != nil {
		return fmt.Errorf("find the edge: %w", err)
	}
	now, _, err := rig.Memory(status.PID)
	edge.memory = append(edge.memory, now)
	return err
}

// take waits for the rest and notes a start.
func (r *row) take(ctx context.Context, p *rig.Process, ready, rest time.Duration) error {
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return ctx.Err()
	}
	now, _, err := p.Memory()
	r.ready, r.memory = append(r.ready, ready), append(r.memory, now)
	return err
}

func print(rows []row, load string) error {
	var cells [][]string
	for _, r := range rows {
		ready, most := "", ""
		if len(r.ready) > 0 {
			ready, most = rig.Millis(rig.Median(r.ready)), rig.Millis(slices.Max(r.ready))
		}
		slices.Sort(r.memory)
		cells = append(cells, []string{r.name, ready, most, rig.MiB(r.memory[len(r.memory)/2]), rig.MiB(r.memory[len(r.memory)-1])})
	}
	if err := rig.Table(os.Stdout, []string{"", "ready, ms", "at most", "memory at rest, MiB", "at most"}, cells); err != nil {
		return err
	}
	met := true
	for _, r := range rows[:2] {
		met = met && slices.Max(r.ready) <= readyTarget && slices.Max(r.memory) <= memoryTarget
	}
	fmt.Printf("medians of %d starts; target for the server: ready within %v, at most %s MiB: %s; load before and after: %s, %s\n",
		len(rows[0].ready), readyTarget, rig.MiB(memoryTarget), rig.Verdict(met), load, rig.Load())
	return nil
}
