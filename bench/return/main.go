package main

import (
	"context"
	"flag"
	"os"

	"github.com/slipwayhq/slipway/bench/rig"
)

func main() {
	if server := os.Getenv(serverVariable); server != "" {
		simulate(server)
		return
	}
	rounds := flag.Int("rounds", 5, "how many bad releases are shipped")
	hosts := flag.Int("hosts", 10, "hosts of the first table")
	agents := flag.Int("agents", 500, "simulated hosts of the second table; 0 leaves it out")
	flag.Parse()
	rig.Main(func(ctx context.Context, r *rig.Rig) error {
		if *rounds > 0 {
			if err := visitors(ctx, r, *rounds, *hosts); err != nil {
				return err
			}
		}
		if *agents == 0 {
			return nil
		}
		return many(ctx, r, *agents)
	})
}
