package db

import (
	"context"
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
	// Lock is taken first in each transaction (Tx.Lock). With it, events that wait share transactions; without, each has one of its own, for
	// locks that Handle takes on the way might cross those of others.
	Lock string
	// Handle runs inside the transaction. When it fails, the transaction is undone and the event comes again, later and later; events that shared the transaction are
	// handled anew, one by one. So what it does outside of the transaction must be told by Tx.OnCommit.
	Handle func(ctx context.Context, tx *Tx, ev event.Event) error
}

// idleCheckpoint is after how many events that nobody wanted the checkpoint is moved all the same.
const idleCheckpoint = 1000

// Consume feeds the consumer until ctx ends. It runs as a singleton under the consumer's name.
func (d *DB) Consume(ctx context.Context, j *journal.Journal, c Consumer) error {
	defer d.listen(c)()
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
	return d.consumeFrom(ctx, j, c, at)
}

// consumeFrom goes on behind the checkpoint at.
func (d *DB) consumeFrom(ctx context.Context, j *journal.Journal, c Consumer, at int64) error {
	t := &taker[event.Event]{
		db: d, key: c.Name, lock: c.Lock, at: at,
		position: func(ev event.Event) int64 { return ev.Position },
		handle: func(ctx context.Context, tx *Tx, ev event.Event) error {
			if err := c.Handle(ctx, tx, ev); err != nil {
				return fmt.Errorf("%s of %s at %d: %w", c.Name, ev.Type, ev.Position, err)
			}
			return nil
		},
	}
	unwanted := func(ev event.Event) bool { return len(c.Types) > 0 && !slices.Contains(c.Types, ev.Type) }
	return j.ReadStateBatches(ctx, at, batchSize, func(events []event.Event) error {
		last := events[len(events)-1].Position
		if err := t.take(ctx, slices.DeleteFunc(events, unwanted)); err != nil {
			return err
		}
		if last-t.at < idleCheckpoint {
			return nil
		}
		return t.skip(ctx, last)
	})
}

// TelemetryConsumer handles telemetry in order, each message once as far as the store is concerned.
type TelemetryConsumer struct {
	Name    string
	Subject string
	// Lock is as in Consumer: with it, messages that wait share transactions.
	Lock string
	// Handle gets one message a call, in order, as in Consumer.
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
	t := &taker[journal.Telemetry]{
		db: d, key: key, lock: c.Lock, at: at,
		position: func(m journal.Telemetry) int64 { return int64(m.Sequence) },
		handle: func(ctx context.Context, tx *Tx, m journal.Telemetry) error {
			if err := c.Handle(ctx, tx, m); err != nil {
				return fmt.Errorf("%s of %s at %d: %w", c.Name, c.Subject, m.Sequence, err)
			}
			return nil
		},
	}
	return j.ReadTelemetryBatches(ctx, c.Subject, uint64(at), batchSize, func(batch []journal.Telemetry) error { return t.take(ctx, batch) })
}
