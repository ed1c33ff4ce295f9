// Package order makes a cart into an order.
package order

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/examples/shop/cart"
	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/price"
)

// ErrEmpty says that there is nothing to order.
var ErrEmpty = errors.New("the cart is empty")

// Line is one product of an order, at the price of the moment.
type Line struct {
	Product catalog.Product
	Pieces  int
	Sum     price.Cents
}

// Order is what a visitor buys, or would buy: it has a number once it is paid.
type Order struct {
	Number   string
	Lines    []Line
	Goods    price.Cents
	Shipping price.Cents
	Total    price.Cents
}

// Quote works out what a cart costs. Products that are no longer for sale are left out.
func Quote(c cart.Cart, from *catalog.Catalog) Order {
	var o Order
	for _, l := range c.Lines {
		p, ok := from.Find(l.ID)
		if !ok {
			continue
		}
		o.Lines = append(o.Lines, Line{Product: p, Pieces: l.Pieces, Sum: p.Price.Times(l.Pieces)})
	}
	o.Goods = c.Goods(from.Price)
	o.Shipping = price.Shipping(o.Goods)
	o.Total = o.Goods + o.Shipping
	return o
}

// Place charges a cart and gives the order its number.
func Place(ctx context.Context, c cart.Cart, from *catalog.Catalog, desk *payment.Desk) (Order, error) {
	o := Quote(c, from)
	if len(o.Lines) == 0 {
		return Order{}, ErrEmpty
	}
	number := rand.Text()[:8]
	if err := desk.Charge(ctx, number, o.Total); err != nil {
		return Order{}, fmt.Errorf("place order: %w", err)
	}
	o.Number = number
	return o, nil
}
