package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
)

// The targets.
const (
	checkTarget = 150 * time.Nanosecond
	keysTarget  = 1200 << 20 // bytes, for 10 million keys
	grpcFactor  = 3          // times less of the processor than the peer and its Redis
	httpTarget  = 20_000     // checks a second
)

// options of a run.
type options struct {
	rounds, keys int
	lasts        time.Duration
	parts        string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 30, "how often each is measured in the process; the best counts")
	flag.IntVar(&o.keys, "keys", 10_000_000, "how many keys are live at once")
	flag.DurationVar(&o.lasts, "for", 5*time.Second, "how long each round of requests lasts")
	flag.StringVar(&o.parts, "part", "process,keys,envoy,http,crowd", "what is measured")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error { return o.measure(ctx, r) })
}

func (o options) measure(ctx context.Context, r *rig.Rig) error {
	parts := []struct {
		name string
		do   func(context.Context, *rig.Rig, options) error
	}{{"process", inProcess}, {"keys", manyKeys}, {"envoy", againstEnvoys}, {"http", byHTTP}, {"crowd", crowd}}
	for _, p := range parts {
		if !strings.Contains(o.parts, p.name) {
			continue
		}
		if err := p.do(ctx, r, o); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Println()
	}
	_, err := fmt.Fprintf(os.Stdout, "load %s\n", rig.Load())
	return err
}
