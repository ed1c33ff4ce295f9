package peer

import (
	"math"

	"github.com/slipwayhq/slipway/sim/canary"
)

// hostE takes the host for the unit: each host's rate since the switch, less what its rate before says by regression on the hosts that kept the old release
// (CUPED), compared between the two groups by a t e-value (Lindon, Ham, Tingley & Bojinov, "Anytime-Valid Linear Models and Regression Adjusted Causal
// Inference in Randomized Experiments", 2022; the form of avlm's log_G_t with g = 1). Only a surplus rolls back.
// At one time this is a fair test of exchangeable hosts; over time it is not, since the same hosts are measured better and better: it is
// here because it is what one would try. Where hosts were not drawn it says nothing.
type hostE struct {
	alpha   float64
	setting *canary.Setting
	before  []canary.Count
	after   []canary.Count
	isNew   []bool
	step    int
}

func newHostE(alpha float64) canary.Judge { return &hostE{alpha: alpha} }

func (h *hostE) Begin(s *canary.Setting, w *canary.Window) {
	h.setting, h.before, h.step = s, w.Hosts, 0
	h.after = append(h.after[:0], make([]canary.Count, len(w.Hosts))...)
	h.isNew = append(h.isNew[:0], make([]bool, len(w.Hosts))...)
}

func (h *hostE) Observe(t *canary.Tick) {
	if !t.Complete() || h.setting.Split != canary.ByHost || len(h.after) == 0 {
		return
	}
	if t.Step > h.step { // the groups change: begin anew
		h.step = t.Step
		clear(h.after)
	}
	if t.Step < h.step {
		return
	}
	for i := range t.Hosts {
		host := &t.Hosts[i]
		h.isNew[i] = host.Age >= 0
		if host.Age >= 0 && host.Age < h.setting.Settle {
			continue
		}
		h.after[i].Add(&host.Count[canary.Old])
		h.after[i].Add(&host.Count[canary.New])
	}
}

func (h *hostE) Look(int) canary.Opinion {
	worst := math.Inf(-1)
	if h.setting.Split == canary.ByHost {
		for v, vital := range h.setting.Vitals {
			worst = max(worst, h.logE(v, vital.Sign())-math.Log(float64(len(h.setting.Vitals))))
		}
	}
	return decide(worst, -math.Log(h.alpha))
}

// logE of one vital, -Inf where there is no surplus or too little to tell.
func (h *hostE) logE(v int, sign float64) float64 {
	slope, center := h.regress(v)
	var n, sum, squares [2]float64
	for i := range h.after {
		if h.after[i].Requests == 0 {
			continue
		}
		y := sign * (fraction(&h.after[i], v) - slope*(fraction(&h.before[i], v)-center))
		g := 0
		if h.isNew[i] {
			g = 1
		}
		n[g]++
		sum[g] += y
		squares[g] += y * y
	}
	freedom := n[0] + n[1] - 2
	if n[0] < 1 || n[1] < 1 || freedom < 2 {
		return math.Inf(-1)
	}
	residual := squares[0] - sum[0]*sum[0]/n[0] + squares[1] - sum[1]*sum[1]/n[1]
	difference := sum[1]/n[1] - sum[0]/n[0]
	units := n[0] * n[1] / (n[0] + n[1])
	if !(residual > 0) || difference <= 0 {
		return math.Inf(-1)
	}
	t2 := difference * difference * units / (residual / freedom)
	r := 1 / (1 + units)
	return 0.5*math.Log(r) + 0.5*(freedom+1)*(math.Log1p(t2/freedom)-math.Log1p(r*t2/freedom))
}

// regress is the slope of the rate since on the rate before, among hosts on the old release, and the mean rate before of all.
func (h *hostE) regress(v int) (slope, center float64) {
	var n, x, y, xx, xy, all float64
	for i := range h.before {
		b := fraction(&h.before[i], v)
		all += b / float64(len(h.before))
		if h.isNew[i] || h.after[i].Requests == 0 {
			continue
		}
		a := fraction(&h.after[i], v)
		n, x, y, xx, xy = n+1, x+b, y+a, xx+b*b, xy+a*b
	}
	if spread := xx - x*x/n; n > 2 && spread > 0 {
		slope = (xy - x*y/n) / spread
	}
	return slope, all
}

func fraction(c *canary.Count, v int) float64 {
	if c.Requests == 0 {
		return 0
	}
	return float64(c.Events[v]) / float64(c.Requests)
}

func (*hostE) End() canary.Verdict { return canary.Promoted }
