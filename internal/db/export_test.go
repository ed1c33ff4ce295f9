package db

import (
	"context"

	"github.com/slipwayhq/slipway/internal/journal"
)

// BatchSize is how many events share a transaction, at most.
const BatchSize = batchSize

// BatchTime is how long a transaction takes in further events.
const BatchTime = batchTime

// ConsumeFrom consumes as a server does that holds no lease any more and has read the checkpoint before another moved it.
func (d *DB) ConsumeFrom(ctx context.Context, j *journal.Journal, c Consumer, at int64) error {
	return d.consumeFrom(ctx, j, c, at)
}

// Acquire asks for a lease once, and tells whether this server has it now.
func (d *DB) Acquire(ctx context.Context, name string) (bool, error) {
	return d.acquire(ctx, name, d.sessions.present())
}

// PumpUnleased pumps as a server does that holds no lease any more.
func (d *DB) PumpUnleased(ctx context.Context, j *journal.Journal) error { return d.pump(ctx, j) }
