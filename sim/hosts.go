package main

import (
	"math"
	"math/rand/v2"
)

// drawHosts fills the ledger with a rollout whose split is by host: hosts drawn at random get the new release, each host has its own
// log-normal error rate and slowness, and the traffic is even. All requests count.
func drawHosts(l *ledger, w world, h harm, rps float64, shares []float64, rng *rand.Rand) {
	l.clear()
	factors := make([][kinds]float64, w.hosts)
	for i := range factors {
		failure, slowness := math.Exp(w.spread*rng.NormFloat64()), math.Exp(w.spread*rng.NormFloat64())
		factors[i] = [kinds]float64{failure, failure, slowness, slowness, slowness}
	}
	base := [kinds]float64{baseErrors / 2, baseErrors / 2, slowAbove99, slowAbove90, slowAbove50}
	worse := h.worse()
	for second, share := range shares {
		canaries := int(math.Ceil(share*float64(w.hosts) - 1e-9)) // factors are in random order: the first are the canaries
		for arm, part := range [arms][][kinds]float64{oldArm: factors[canaries:], newArm: factors[:canaries]} {
			var mean [kinds]float64
			for _, f := range part {
				for k := range mean {
					mean[k] += rps / float64(w.hosts) * base[k] * f[k]
				}
			}
			fine := rps * float64(len(part)) / float64(w.hosts)
			for k, m := range mean {
				fine -= m
				if arm == newArm {
					m *= worse[k]
				}
				l.addEvents(k, arm, second, poisson(rng, m))
			}
			for vital := range vitals {
				l.cover[vital][arm][second] += max(0, fine)
			}
		}
	}
}
