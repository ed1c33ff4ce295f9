// Package catalog knows what the shop sells.
package catalog

import (
	"strings"

	"github.com/slipwayhq/slipway/examples/shop/price"
)

// Product is one thing for sale.
type Product struct {
	ID    string // as in the address of its page
	Name  string
	Blurb string
	Shelf string
	Hue   int // of its tile, in degrees
	Price price.Cents
}

// Catalog is a fixed list of products in the order they are shown.
type Catalog struct {
	products []Product
	byID     map[string]int
}

// New makes a catalog; of two products with one ID the later is kept out.
func New(products ...Product) *Catalog {
	c := &Catalog{byID: make(map[string]int, len(products))}
	for _, p := range products {
		if _, taken := c.byID[p.ID]; taken {
			continue
		}
		c.byID[p.ID] = len(c.products)
		c.products = append(c.products, p)
	}
	return c
}

// All returns the products in the order they are shown. The caller must not change them.
func (c *Catalog) All() []Product { return c.products }

// Find returns the product with this ID.
func (c *Catalog) Find(id string) (Product, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Product{}, false
	}
	return c.products[i], true
}

// Price returns what one piece costs, if it is for sale.
func (c *Catalog) Price(id string) (price.Cents, bool) {
	p, ok := c.Find(id)
	return p.Price, ok
}

// Search returns the products in which each word of the query occurs, whatever its case.
// An empty query finds nothing.
func (c *Catalog) Search(query string) []Product {
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		return nil
	}
	var found []Product
	for _, p := range c.products {
		if containsAll(strings.ToLower(p.Name+" "+p.Blurb+" "+p.Shelf), words) {
			found = append(found, p)
		}
	}
	return found
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
