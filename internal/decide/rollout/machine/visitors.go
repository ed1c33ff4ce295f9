package machine

import (
	"github.com/slipwayhq/slipway/internal/decide/rollout/erred"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// lookAtVisitors hears what an edge tells of visitors who erred, and takes the look that is whole now, if any. It gives what was taken.
func (m *Rollout) lookAtVisitors(rs event.RouteSecond, second int64) (*Second, error) {
	if m.Judge.LooksAtVisitors() < 0 {
		return nil, nil
	}
	told := erred.Told{Second: second, Step: m.Step, Share: m.Split.Share, Begun: m.visitorsBegun()}
	if rs.Split.New == m.Release && rs.Split.Share == m.Split.Share {
		told.New, told.Old = rs.Erred[m.Release], rs.Erred[m.From]
	}
	look := m.Erred.Hear(told)
	if look == nil {
		return nil, nil
	}
	if err := m.Evidence.LookAtVisitors(m.Judge, *look); err != nil {
		return nil, err
	}
	return &Second{Tick: judge.Tick{Second: second, Share: look.Share}, Visitors: look}, nil
}

// visitorsBegun is the Unix second from which on visitors of the present step count: all hosts have settled. 0 while that is not so.
func (m *Rollout) visitorsBegun() int64 {
	at := m.Current().Settled
	if at.IsZero() || !m.InForce {
		return 0
	}
	for _, h := range m.newHosts() {
		if t, ok := m.settlesAt(h); ok {
			at = latest(at, t)
		}
	}
	return at.Unix() + 1
}
