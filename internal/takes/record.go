package takes

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Recorder writes down what another Store was asked, for charts and for asking what another limit would have denied. What a crash loses of it is lost to those alone: the store has what was taken. Run it.
type Recorder struct {
	Store   Store
	Journal *journal.Journal
	Watch   func(at time.Time, rows []Row)
	Now     func() time.Time
	Logger  *slog.Logger

	mu   sync.Mutex
	rows map[of]*Row
}

type of struct {
	series uint64
	group  string
}

// recordEvery is how long asks are added up; recordKeys is how many groups are counted in that time, more are not written down.
const (
	recordEvery = 250 * time.Millisecond
	recordKeys  = 200_000
)

// Take implements Store.
func (r *Recorder) Take(ctx context.Context, asks []Ask, answers []rate.Answer) error {
	if err := r.Store.Take(ctx, asks, answers); err != nil {
		return err
	}
	passed := true
	for i := range answers {
		passed = passed && answers[i].Passed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range asks {
		if asks[i].Amount > 0 && (passed || !answers[i].Passed) { // who was not denied by itself asked for nothing
			r.note(&asks[i], &answers[i])
		}
	}
	return nil
}

func (r *Recorder) note(ask *Ask, a *rate.Answer) {
	k := of{ask.Limit.Series, ask.Group}
	row := r.rows[k]
	if row == nil {
		if len(r.rows) >= recordKeys {
			return
		}
		if r.rows == nil {
			r.rows = map[of]*Row{}
		}
		row = &Row{App: ask.Limit.App, Env: ask.Limit.Env, Limit: ask.Limit.Group, Series: ask.Limit.Series, Group: ask.Group}
		r.rows[k] = row
	}
	row.Asks++
	row.Asked += ask.Amount
	row.Counted += a.Counted()
	if row.Given += a.Got; a.Over {
		row.Denied++
	}
	if a.Near {
		row.Near++
	}
}

// Return implements Store.
func (r *Recorder) Return(ctx context.Context, ask Ask, ends int64) (bool, error) {
	return r.Store.Return(ctx, ask, ends)
}

// Forget implements Store.
func (r *Recorder) Forget(ctx context.Context, limit *rate.Defined, group string) error {
	return r.Store.Forget(ctx, limit, group)
}

// Run writes down what was asked until ctx ends, and then the rest.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.write(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
			defer cancel()
			r.write(last)
			return nil
		}
	}
}

func (r *Recorder) write(ctx context.Context) {
	r.mu.Lock()
	noted := r.rows
	r.rows = nil
	r.mu.Unlock()
	if len(noted) == 0 {
		return
	}
	at := r.Now()
	var w writer
	w.reset()
	rows := make([]Row, 0, len(noted))
	send := func() {
		if _, err := r.Journal.AppendTakes(ctx, w.done(at.UnixNano())); err != nil && ctx.Err() == nil {
			r.Logger.Warn("what was asked of limits is not written down; charts and simulations lack it", "error", err)
		}
		w.reset()
	}
	for _, row := range noted {
		w.begin(w.limit(row.App, row.Env, row.Limit, row.Series), rowCount, []byte(row.Group))
		w.numbers(row.Asks, row.Asked, row.Given, row.Denied, row.Near, row.Counted)
		if rows = append(rows, *row); len(w.rows) > blockBytes {
			send()
		}
	}
	send()
	if r.Watch != nil {
		r.Watch(at, rows)
	}
}
