package rollout

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
)

// books are the rollouts that a transaction has open: each is read once, moved by every event and second that share the transaction, and written once, before the
// commit. With hundreds of hosts a machine is more than 100 kB of JSON.
type books struct {
	tx   *db.Tx
	open map[string]*page
}

// page is one rollout, the same for all who load it in the transaction.
type page struct {
	machine *machine.Rollout
	changed bool // since it was written
}

// booksKey is the books' place in a transaction.
type booksKey struct{}

// booksOf gives the transaction's books.
func booksOf(ctx context.Context, tx *db.Tx) *books {
	return tx.Kept(booksKey{}, func() any {
		b := &books{tx: tx, open: map[string]*page{}}
		tx.BeforeCommit(func() error { return b.write(ctx) })
		return b
	}).(*books)
}

// read decodes a rollout's row, unless it is open.
func (b *books) read(id, body string) (*machine.Rollout, error) {
	if p, ok := b.open[id]; ok {
		return p.machine, nil
	}
	m, err := decodeMachine(id, body)
	if err == nil {
		b.open[id] = &page{machine: m}
	}
	return m, err
}

// changed notes that a rollout has to be written.
func (b *books) changed(m *machine.Rollout) {
	b.open[m.ID] = &page{machine: m, changed: true}
}

// write puts what has changed into the store: at the end, and before the store is asked about rollouts by anything but their ids.
func (b *books) write(ctx context.Context) error {
	for _, p := range b.open {
		if !p.changed {
			continue
		}
		if err := writeMachine(ctx, b.tx, p.machine); err != nil {
			return err
		}
		p.changed = false
	}
	return nil
}

func decodeMachine(id, body string) (*machine.Rollout, error) {
	m := &machine.Rollout{}
	if err := json.Unmarshal([]byte(body), m); err != nil {
		return nil, fmt.Errorf("decode rollout %s: %w", id, err)
	}
	return m, nil
}

func writeMachine(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode rollout %s: %w", m.ID, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_rollouts (rollout, app, env, number, release, state, machine, created_at, started_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (rollout) DO UPDATE SET state = excluded.state, machine = excluded.machine, started_at = excluded.started_at, ended_at = excluded.ended_at`,
		m.ID, m.App, m.Env, m.Number, m.Release, string(m.State), string(body), db.Micros(m.Created), db.Micros(m.Started), db.Micros(m.EndedAt))
	if err != nil {
		return fmt.Errorf("store rollout %s: %w", m.ID, err)
	}
	return nil
}
