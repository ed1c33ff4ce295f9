package payment

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/slipwayhq/slipway/examples/shop/price"
)

func TestAnOrderIsChargedOnce(t *testing.T) {
	taken := price.Cents(0)
	d := NewDesk(func(_ context.Context, _ string, amount price.Cents) error {
		taken += amount
		return nil
	})
	for range 3 {
		if err := d.Charge(t.Context(), "A1", 20_00); err != nil {
			t.Fatal(err)
		}
	}
	if taken != 20_00 {
		t.Errorf("took %v for an order of 20 euros", taken)
	}
}

func TestARefusedOrderMayTryAgain(t *testing.T) {
	refused := errors.New("card refused")
	answers := []error{refused, nil}
	d := NewDesk(func(context.Context, string, price.Cents) error {
		err := answers[0]
		answers = answers[1:]
		return err
	})
	if err := d.Charge(t.Context(), "A1", 1); !errors.Is(err, refused) {
		t.Errorf("first: got %v", err)
	}
	if err := d.Charge(t.Context(), "A1", 1); err != nil {
		t.Errorf("second: got %v", err)
	}
}

// This one takes as long as the desk's patience, which is the point of it.
func TestASilentProviderIsGivenUp(t *testing.T) {
	d := NewDesk(func(ctx context.Context, _ string, _ price.Cents) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err := d.Charge(t.Context(), "A1", 1); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want %v", err, ErrTimeout)
	}
}

func TestNothingIsNotCharged(t *testing.T) {
	if err := NewDesk(Approve).Charge(t.Context(), "A1", 0); !errors.Is(err, ErrAmount) {
		t.Errorf("got %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	d := NewDesk(Approve)
	for i := range remembered + 50 {
		if err := d.Charge(t.Context(), strconv.Itoa(i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.charged) != remembered || d.known("0") || !d.known(strconv.Itoa(remembered+49)) {
		t.Errorf("remembers %d orders", len(d.charged))
	}
}
