package peer

import "github.com/slipwayhq/slipway/sim/canary"

// imvu is the rule of IMVU's deployment in 2009 (T. Fitz, "Continuous Deployment at IMVU"), taken literally: a sample of the last minute before
// the push is compared with each minute after it, on the hosts that got the new release; a significant regression rolls back. Nothing is
// compared with hosts that did not change, and no look is paid for.
type imvu struct {
	alpha  float64
	limit  float64
	zTest  zTest
	window *canary.Window
}

func newIMVU(alpha float64) canary.Judge { return &imvu{alpha: alpha, limit: critical(alpha)} }

func (i *imvu) Begin(s *canary.Setting, w *canary.Window) {
	i.zTest.ledger.begin(s, true)
	i.window = w
}

func (i *imvu) Observe(t *canary.Tick) { i.zTest.ledger.observe(t) }

func (i *imvu) Look(second int) canary.Opinion {
	before := i.before(second)
	sum, _ := i.zTest.ledger.sum(max(0, second-60), second)
	return decide(i.zTest.worst(&sum[canary.New], &before), i.limit)
}

// before is the last minute of the hosts that run the new release now; of all where they cannot be told apart, the whole window where no minute was kept.
func (i *imvu) before(second int) (sum canary.Count) {
	hosts := i.window.Minute
	if len(hosts) == 0 {
		return i.window.Total
	}
	if s := i.zTest.ledger.setting; s.Split == canary.ByHost {
		end := 0
		for _, step := range s.Steps {
			if end += step.Seconds; second <= end {
				hosts = hosts[:step.Hosts]
				break
			}
		}
	}
	for h := range hosts {
		sum.Add(&hosts[h])
	}
	return sum
}

func (*imvu) End() canary.Verdict { return canary.Promoted }
