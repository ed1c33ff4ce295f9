// Package cart holds what a visitor wants to buy.
package cart

import (
	"errors"
	"fmt"

	"github.com/slipwayhq/slipway/examples/shop/price"
)

// Limits of a cart: it travels in a cookie, so it has to stay small.
const (
	MaxLines  = 20
	MaxPieces = 9
)

// ErrFull says that a line or the cart can take no more.
var ErrFull = errors.New("the cart is full")

// Line is a number of pieces of one product.
type Line struct {
	ID     string `json:"id"`
	Pieces int    `json:"n"`
}

// Cart is a list of lines, at most one for each product. The zero value is empty.
type Cart struct {
	Lines []Line `json:"lines,omitempty"`
}

// Add puts pieces of a product into the cart. If it does not fit the cart stays as it was and the error is ErrFull.
func (c *Cart) Add(id string, pieces int) error {
	if id == "" || pieces < 1 {
		return fmt.Errorf("add %d of %q: want a product and at least one piece", pieces, id)
	}
	for i := range c.Lines {
		if c.Lines[i].ID == id {
			return c.Lines[i].grow(pieces)
		}
	}
	if len(c.Lines) == MaxLines {
		return fmt.Errorf("add %q to %d lines: %w", id, MaxLines, ErrFull)
	}
	line := Line{ID: id}
	if err := line.grow(pieces); err != nil {
		return err
	}
	c.Lines = append(c.Lines, line)
	return nil
}

func (l *Line) grow(pieces int) error {
	if l.Pieces+pieces > MaxPieces {
		return fmt.Errorf("%d of %q, at most %d: %w", l.Pieces+pieces, l.ID, MaxPieces, ErrFull)
	}
	l.Pieces += pieces
	return nil
}

// Pieces counts what is in the cart.
func (c Cart) Pieces() int {
	n := 0
	for _, l := range c.Lines {
		n += l.Pieces
	}
	return n
}

// Goods adds up the lines by their prices; a product that is no longer for sale counts nothing.
func (c Cart) Goods(priceOf func(id string) (price.Cents, bool)) price.Cents {
	var sum price.Cents
	for _, l := range c.Lines {
		if each, ok := priceOf(l.ID); ok {
			sum += each.Times(l.Pieces)
		}
	}
	return sum
}
