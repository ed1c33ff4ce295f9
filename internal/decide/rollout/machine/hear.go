package machine

import (
	"github.com/slipwayhq/slipway/internal/event"
)

// Hear takes one answer into the machine.
func (m *Rollout) Hear(ev event.Event) error {
	switch ev.Type {
	case "deploy.applied":
		a, err := event.Decode[event.DeployApplied](ev)
		if err != nil {
			return err
		}
		m.applied(a)
	case "deploy.failed":
		f, err := event.Decode[event.DeployFailed](ev)
		if err != nil {
			return err
		}
		m.failed(f)
	case "process.changed":
		p, err := event.Decode[event.ProcessChanged](ev)
		if err != nil {
			return err
		}
		m.process(p, ev.Time)
	case "traffic.applied":
		a, err := event.Decode[event.TrafficApplied](ev)
		if err != nil {
			return err
		}
		if a.Traffic == m.Traffic {
			m.inForce(ev.Time)
		}
	}
	return nil
}
