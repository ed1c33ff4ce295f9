package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"strings"

	"github.com/slipwayhq/slipway/bench/rig"
)

func main() {
	rounds := flag.Int("rounds", 5, "releases of the first table; 0 leaves it out")
	size := flag.Int("size", 20, "size of a release of the first table, in MB")
	shop := flag.Int("shop", 3, "commits of the second table; 0 leaves it out")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error {
		if *rounds > 0 {
			if err := with(ctx, r, "first", 1, func(s stage) error { return s.canary(ctx, *rounds, *size) }); err != nil {
				return err
			}
		}
		if *shop > 0 {
			return with(ctx, r, "second", 4, func(s stage) error { return s.shop(ctx, *shop) })
		}
		return nil
	})
}

// hosts is how many there are.
const hosts = 10

// stage is a server with hosts, workers and an edge.
type stage struct {
	rig    *rig.Rig
	server *rig.Server
	feed   *rig.Feed
}

// with gives a stage to fn and ends it.
func with(ctx context.Context, r *rig.Rig, name string, workers int, fn func(stage) error) (err error) {
	server, err := r.Serve(ctx, name, true)
	if err != nil {
		return err
	}
	s := stage{r, server, server.Follow(ctx)}
	defer func() {
		err = errors.Join(err, s.feed.Close())
		r.StopAgents()
		server.Stop()
	}()
	// Workers of one machine share what Go has compiled, with each other and with whoever runs this, as in the demo.
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return fmt.Errorf("find Go's cache: %w", err)
	}
	environ := []string{"--environ", "GOCACHE=" + strings.TrimSpace(string(cache)), "--environ", "CGO_ENABLED=0", "--environ", "GOFLAGS=-trimpath"}
	for i := range workers {
		if _, err := server.Agent(ctx, fmt.Sprintf("%s-worker-%d", name, i+1), "work", 0, environ...); err != nil {
			return err
		}
	}
	for i := range hosts {
		if _, err := server.Agent(ctx, fmt.Sprintf("%s-host-%d", name, i+1), "host", i+1, "--drain", "100ms"); err != nil {
			return err
		}
	}
	return fn(s)
}
