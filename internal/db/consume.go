package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Consumer handles state events in order, each at most once as far as the store is concerned: the checkpoint commits with what Handle did.
type Consumer struct {
	// Name is the checkpoint's key, for ever.
	Name string
	// Types that Handle wants; empty means all.
	Types []event.Type
	// Handle runs inside the transaction. When it fails, the transaction is undone and the event comes again, later and later.
	Handle func(ctx context.Context, tx *Tx, ev event.Event) error
}

// idleCheckpoint is after how many events that nobody wanted the checkpoint is moved all the same.
const idleCheckpoint = 1000

// Consume feeds the consumer until ctx ends. It runs as a singleton under the consumer's name.
func (d *DB) Consume(ctx context.Context, j *journal.Journal, c Consumer) error {
	return d.Single(ctx, "consume/"+c.Name, func(ctx context.Context) error {
		wait := time.Duration(0)
		for ctx.Err() == nil {
			began := d.Now()
			err := d.consume(ctx, j, c)
			if err == nil || ctx.Err() != nil {
				return nil
			}
			if d.Now().Sub(began) > time.Minute {
				wait = 0
			}
			wait = min(max(2*wait, 50*time.Millisecond), 10*time.Second)
			d.log.Error("event not handled, trying again", "consumer", c.Name, "error", err, "wait", wait)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		return nil
	})
}

func (d *DB) consume(ctx context.Context, j *journal.Journal, c Consumer) error {
	at, err := d.checkpoint(ctx, c.Name)
	if err != nil {
		return err
	}
	idle := 0
	return j.ReadState(ctx, at, func(ev event.Event) error {
		wanted := len(c.Types) == 0 || slices.Contains(c.Types, ev.Type)
		if !wanted {
			if idle++; idle < idleCheckpoint {
				return nil
			}
		}
		idle = 0
		err := d.Tx(ctx, func(tx *Tx) error {
			if wanted {
				if err := c.Handle(ctx, tx, ev); err != nil {
					return fmt.Errorf("%s of %s at %d: %w", c.Name, ev.Type, ev.Position, err)
				}
			}
			return tx.setCheckpoint(ctx, c.Name, ev.Position)
		})
		return err
	})
}

// TelemetryConsumer handles telemetry in batches, exactly once as far as the store is concerned.
type TelemetryConsumer struct {
	Name    string
	Subject string
	// Handle gets at most one message a call, in order.
	Handle func(ctx context.Context, tx *Tx, t journal.Telemetry) error
}

// ConsumeTelemetry feeds the consumer until ctx ends.
func (d *DB) ConsumeTelemetry(ctx context.Context, j *journal.Journal, c TelemetryConsumer) error {
	return d.Single(ctx, "telemetry/"+c.Name, func(ctx context.Context) error {
		for ctx.Err() == nil {
			err := d.consumeTelemetry(ctx, j, c)
			if err == nil || ctx.Err() != nil {
				return nil
			}
			d.log.Error("telemetry not handled, trying again", "consumer", c.Name, "error", err)
			d.retryLater(ctx)
		}
		return nil
	})
}

func (d *DB) consumeTelemetry(ctx context.Context, j *journal.Journal, c TelemetryConsumer) error {
	key := "telemetry/" + c.Name
	at, err := d.checkpoint(ctx, key)
	if err != nil {
		return err
	}
	return j.ReadTelemetry(ctx, c.Subject, uint64(at), func(t journal.Telemetry) error {
		return d.Tx(ctx, func(tx *Tx) error {
			if err := c.Handle(ctx, tx, t); err != nil {
				return fmt.Errorf("%s of %s at %d: %w", c.Name, c.Subject, t.Sequence, err)
			}
			return tx.setCheckpoint(ctx, key, int64(t.Sequence))
		})
	})
}

func (d *DB) checkpoint(ctx context.Context, name string) (int64, error) {
	var at int64
	err := d.write.QueryRowContext(ctx, `SELECT position FROM checkpoints WHERE name = $1`, name).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the checkpoint of %s: %w", name, err)
	}
	return at, nil
}

func (t *Tx) setCheckpoint(ctx context.Context, name string, position int64) error {
	_, err := t.Exec(ctx, `INSERT INTO checkpoints (name, position) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position`, name, position)
	if err != nil {
		return fmt.Errorf("keep the checkpoint of %s: %w", name, err)
	}
	return nil
}
