package ramp

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/judge"
)

// Move is a step of a ramp's way.
type Move struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Move    string    `json:"move" enum:"started,watching,paused,held,resumed,promoted,returned,overtaken"`
	Step    int       `json:"step"`
	Share   float64   `json:"share"`
	Reasons []string  `json:"reasons" nullable:"false"`
}

// Slot is what was counted in ten seconds.
type Slot struct {
	Second int64                  `json:"second"`
	Step   int                    `json:"step"`
	Share  float64                `json:"share"`
	Counts map[string]judge.Count `json:"counts" doc:"By vital"`
}

// slotSeconds is how long a slot is.
const slotSeconds = 10

const columns = `SELECT ramp, evidence FROM ramp_ramps`

// kept is a ramp with what it is judged by, and its evidence.
type kept struct {
	Ramp
	Policy judge.Policy `json:"policy"`
	// Was is the flag before the ramp, As what the ramp made of it last, and Rule its own rule in that: for the way back, and to see whether somebody else has changed it.
	Was      flag.State      `json:"was"`
	As       flag.State      `json:"as"`
	Rule     json.RawMessage `json:"rule"`
	evidence judge.State
}

func scan(into func(...any) error) (k kept, err error) {
	var ramp, evidence string
	if err := into(&ramp, &evidence); err != nil {
		return k, err
	}
	return k, errors.Join(json.Unmarshal([]byte(ramp), &k), json.Unmarshal([]byte(evidence), &k.evidence))
}

func list(ctx context.Context, q db.Querier, where string, args ...any) ([]kept, error) {
	rows, err := q.Query(ctx, columns+" "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list ramps: %w", err)
	}
	defer rows.Close()
	all := []kept{}
	for rows.Next() {
		k, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read a ramp: %w", err)
		}
		all = append(all, k)
	}
	return all, rows.Err()
}

func one(ctx context.Context, q db.Querier, id string) (kept, error) {
	k, err := scan(q.QueryRow(ctx, columns+` WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, fault.NotFound("there is no ramp %s", id)
	}
	return k, err
}

func (k *kept) texts() (ramp, evidence string, err error) {
	a, err := json.Marshal(k)
	if err != nil {
		return "", "", fmt.Errorf("encode ramp %s: %w", k.ID, err)
	}
	b, err := json.Marshal(k.evidence)
	if err != nil {
		return "", "", fmt.Errorf("encode the evidence of ramp %s: %w", k.ID, err)
	}
	return string(a), string(b), nil
}

func insert(ctx context.Context, tx *db.Tx, k kept) error {
	ramp, evidence, err := k.texts()
	if err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `INSERT INTO ramp_ramps (id, app, environment, flag, state, ramp, evidence, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		k.ID, k.App, k.Environment, k.Flag, string(k.State), ramp, evidence, db.Micros(k.StartedAt))
	if err != nil {
		return fmt.Errorf("start a ramp of %s: %w", k.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.Conflict("%s has a ramp in %s already; end that one first", k.Name, k.Environment).Because(err)
	}
	return nil
}

// update keeps a ramp that is under way.
func update(ctx context.Context, tx *db.Tx, k kept) error {
	ramp, evidence, err := k.texts()
	if err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `UPDATE ramp_ramps SET state = $1, ramp = $2, evidence = $3, ended_at = $4 WHERE id = $5 AND ended_at = 0`, string(k.State), ramp, evidence, db.Micros(k.EndedAt), k.ID)
	if err != nil {
		return fmt.Errorf("keep ramp %s: %w", k.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 { // who changes a flag ends its ramp without its lock
		return fault.Conflict("the ramp %s is over", k.ID).Because(err)
	}
	return nil
}

func insertMove(ctx context.Context, tx *db.Tx, ramp string, m Move) error {
	reasons, err := json.Marshal(m.Reasons)
	if err != nil {
		return fmt.Errorf("encode a move of ramp %s: %w", ramp, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO ramp_moves (id, ramp, at, by_whom, move, step, share, reasons) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		"rmv_"+event.NewID(tx.Now()), ramp, db.Micros(m.At), m.By, m.Move, m.Step, m.Share, string(reasons))
	if err != nil {
		return fmt.Errorf("keep a move of ramp %s: %w", ramp, err)
	}
	return nil
}

func moves(ctx context.Context, q db.Querier, ramp string) ([]Move, error) {
	rows, err := q.Query(ctx, `SELECT id, at, by_whom, move, step, share, reasons FROM ramp_moves WHERE ramp = $1 ORDER BY id`, ramp)
	if err != nil {
		return nil, fmt.Errorf("list the moves of a ramp: %w", err)
	}
	defer rows.Close()
	all := []Move{}
	for rows.Next() {
		var m Move
		var at int64
		var reasons string
		if err := rows.Scan(&m.ID, &at, &m.By, &m.Move, &m.Step, &m.Share, &reasons); err != nil {
			return nil, fmt.Errorf("read a move of a ramp: %w", err)
		}
		m.At = db.Time(at)
		if err := json.Unmarshal([]byte(reasons), &m.Reasons); err != nil {
			return nil, fmt.Errorf("read a move of a ramp: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// addSlot adds what was counted to the slot that it is of.
func addSlot(ctx context.Context, tx *db.Tx, ramp string, step int, t judge.Tick) error {
	second := t.Second / slotSeconds * slotSeconds
	sum := Slot{Second: second, Step: step, Share: t.Share, Counts: map[string]judge.Count{}}
	var raw string
	err := tx.QueryRow(ctx, `SELECT counts FROM ramp_slots WHERE ramp = $1 AND second = $2 AND step = $3`, ramp, second, step).Scan(&raw)
	if err == nil {
		err = json.Unmarshal([]byte(raw), &sum)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read a slot of ramp %s: %w", ramp, err)
	}
	for name, c := range t.Counts {
		s := sum.Counts[name]
		sum.Counts[name] = judge.Count{New: s.New + c.New, Old: s.Old + c.Old, AtRiskNew: s.AtRiskNew + c.AtRiskNew, AtRiskOld: s.AtRiskOld + c.AtRiskOld}
	}
	text, err := json.Marshal(sum)
	if err != nil {
		return fmt.Errorf("encode a slot of ramp %s: %w", ramp, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO ramp_slots (ramp, second, step, counts) VALUES ($1, $2, $3, $4) ON CONFLICT (ramp, second, step) DO UPDATE SET counts = excluded.counts`, ramp, second, step, string(text))
	if err != nil {
		return fmt.Errorf("keep a slot of ramp %s: %w", ramp, err)
	}
	return nil
}

// mostSlots is how many are drawn, the newest.
const mostSlots = 20_000

func slots(ctx context.Context, q db.Querier, ramp string) ([]Slot, error) {
	rows, err := q.Query(ctx, `SELECT counts FROM (SELECT counts, second, step FROM ramp_slots WHERE ramp = $1 ORDER BY second DESC, step DESC LIMIT $2) s ORDER BY second, step`, ramp, mostSlots)
	if err != nil {
		return nil, fmt.Errorf("read what a ramp counted: %w", err)
	}
	defer rows.Close()
	all := []Slot{}
	for rows.Next() {
		var raw string
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("read what a ramp counted: %w", err)
		}
		var s Slot
		if err := json.Unmarshal([]byte(raw), &s); err != nil {
			return nil, fmt.Errorf("read what a ramp counted: %w", err)
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
