// Package payment charges customers: once for an order, however often it is asked, and never waiting for long.
package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/examples/shop/price"
)

// Patience is how long a charge may take.
const Patience = time.Second

// Reasons why a charge failed.
var (
	ErrTimeout = errors.New("payment provider timed out")
	ErrAmount  = errors.New("nothing to charge")
)

const remembered = 1000 // orders whose charge is known

// Provider moves the money of an order, or says why not.
type Provider func(ctx context.Context, order string, amount price.Cents) error

// Approve is a provider that says yes to everything, for a shop that sells nothing real.
func Approve(context.Context, string, price.Cents) error { return nil }

// Desk charges through a provider and remembers the last orders it has charged. It is safe for concurrent use.
type Desk struct {
	provider Provider
	mu       sync.Mutex
	charged  map[string]bool
	oldest   []string
}

// NewDesk charges through this provider.
func NewDesk(p Provider) *Desk {
	return &Desk{provider: p, charged: make(map[string]bool)}
}

// Charge takes the amount for an order. An order that was charged is not charged again.
func (d *Desk) Charge(ctx context.Context, order string, amount price.Cents) error {
	if amount <= 0 {
		return fmt.Errorf("charge order %s: %w", order, ErrAmount)
	}
	if d.known(order) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, ErrTimeout)
	defer cancel()
	if err := d.provider(ctx, order, amount); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, ErrTimeout) {
			err = cause
		}
		return fmt.Errorf("charge order %s: %w", order, err)
	}
	d.remember(order)
	return nil
}

func (d *Desk) known(order string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.charged[order]
}

func (d *Desk) remember(order string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.charged[order] {
		return
	}
	if len(d.oldest) == remembered {
		delete(d.charged, d.oldest[0])
		d.oldest = d.oldest[1:]
	}
	d.charged[order] = true
	d.oldest = append(d.oldest, order)
}
