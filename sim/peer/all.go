package peer

import "github.com/slipwayhq/slipway/sim/canary"

// All are the peers, with how often each looks when used as advised. Kayenta's advice is an hour; ten minutes is what half an hour leaves.
func All() []canary.Maker {
	return []canary.Maker{
		{Name: "kayenta-10s", Every: 600, New: newKayenta(10)},
		{Name: "kayenta-60s", Every: 600, New: newKayenta(60)},
		{Name: "flagger-1.5pct-x5", Every: 60, New: newFlagger(1.5, 5)},
		{Name: "flagger-2pct-x5", Every: 60, New: newFlagger(2, 5)},
		{Name: "argo-1.5pct-limit3", Every: 60, New: newArgo(1.5, 3)},
		{Name: "argo-1.5pct-limit0", Every: 60, New: newArgo(1.5, 0)},
		{Name: "imvu", Every: 60, New: newIMVU},
		{Name: "z-peek", Every: 60, New: newZTest(true)},
		{Name: "z-once", Every: 60, New: newZTest(false)},
		{Name: "gst-obf", Every: 60, New: newGST(fleming)},
		{Name: "gst-pocock", Every: 60, New: newGST(pocock)},
		{Name: "lindon-malek", Every: 10, New: newMultinomial(10)},
		{Name: "grid", Every: 10, New: newGrid(0, false)},
		{Name: "grid-margin10", Every: 10, New: newGrid(0.1, false)},
		{Name: "dispersion", Every: 10, New: newGrid(0, true)},
		{Name: "beta-binomial", Every: 10, New: newBetaBinomial},
		{Name: "host-evalues", Every: 60, New: newHostE},
	}
}
