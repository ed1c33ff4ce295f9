package order

import (
	"context"
	"errors"
	"testing"

	"github.com/slipwayhq/slipway/examples/shop/cart"
	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/price"
)

func TestQuoteAddsShippingToSmallOrders(t *testing.T) {
	small := Quote(cart.Cart{Lines: []cart.Line{{ID: "mug", Pieces: 1}}}, catalog.Harbour())
	if small.Goods != 12_90 || small.Shipping != 4_90 || small.Total != 17_80 {
		t.Errorf("one mug: got %+v", small)
	}
	large := Quote(cart.Cart{Lines: []cart.Line{{ID: "coat", Pieces: 1}}}, catalog.Harbour())
	if large.Shipping != 0 || large.Total != 89_00 {
		t.Errorf("a coat: got %+v", large)
	}
}

func TestPlaceChargesTheTotalAndNumbersTheOrder(t *testing.T) {
	var charged price.Cents
	var under string
	desk := payment.NewDesk(func(_ context.Context, order string, amount price.Cents) error {
		under, charged = order, amount
		return nil
	})
	o, err := Place(t.Context(), cart.Cart{Lines: []cart.Line{{ID: "mug", Pieces: 2}}}, catalog.Harbour(), desk)
	if err != nil {
		t.Fatal(err)
	}
	if o.Number == "" || o.Number != under || charged != o.Total || o.Total != 30_70 {
		t.Errorf("order %+v, charged %v as %q", o, charged, under)
	}
}

func TestPlaceRefusesAnEmptyCart(t *testing.T) {
	gone := cart.Cart{Lines: []cart.Line{{ID: "no-longer-sold", Pieces: 1}}}
	for _, c := range []cart.Cart{{}, gone} {
		if _, err := Place(t.Context(), c, catalog.Harbour(), payment.NewDesk(payment.Approve)); !errors.Is(err, ErrEmpty) {
			t.Errorf("cart %+v: got %v", c, err)
		}
	}
}

func TestPlaceSaysWhyTheChargeFailed(t *testing.T) {
	refused := errors.New("card refused")
	desk := payment.NewDesk(func(context.Context, string, price.Cents) error { return refused })
	_, err := Place(t.Context(), cart.Cart{Lines: []cart.Line{{ID: "mug", Pieces: 1}}}, catalog.Harbour(), desk)
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
