package rollout

import (
	"context"
	"encoding/json"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/before"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/decide/rollout/trace"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// hostSecond takes one second of what a host measured: once, whatever is sent again. The rollout takes it in slots of ten seconds, see measured.
func (s *Service) hostSecond(ctx context.Context, tx *db.Tx, t journal.Telemetry) error {
	var sec event.HostSecond
	if err := json.Unmarshal(t.Data, &sec); err != nil {
		s.log.Error("a host's second cannot be read and is left out", "sequence", t.Sequence, "error", err)
		return nil
	}
	fresh, err := takeNumber(ctx, tx, sec.Agent, sec.Boot, sec.Number, sec.Second)
	if err != nil || !fresh {
		return err
	}
	return before.AddHost(ctx, tx, sec)
}

// measured folds the slots that are whole by now.
func (s *Service) measured(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	from, to, ok := m.SlotsDue(tx.Now())
	if !ok {
		return nil
	}
	slots, err := before.Slots(ctx, tx, m.App, m.Env, from, to)
	if err != nil {
		return err
	}
	for len(slots) > 0 {
		n := 1
		for n < len(slots) && slots[n].Slot == slots[0].Slot {
			n++
		}
		if err := s.slot(ctx, tx, m, slots[:n]); err != nil {
			return err
		}
		slots = slots[n:]
	}
	return nil
}

// slot folds one slot, and keeps it.
func (s *Service) slot(ctx context.Context, tx *db.Tx, m *machine.Rollout, hostSlots []before.HostSlot) error {
	slot := hostSlots[0].Slot
	counted, looks, changed, err := m.Measure(slot, hostSlots, tx.Now())
	if err != nil {
		s.log.Error("what hosts measured is impossible and is left out", "rollout", m.ID, "slot", slot, "error", err)
	}
	if counted.Counted() || len(looks) > 0 {
		if err := trace.KeepSlot(ctx, tx, m, slot, counted, looks); err != nil {
			return err
		}
	}
	if changed {
		return s.judged(ctx, tx, m)
	}
	return nil
}
