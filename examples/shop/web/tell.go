package web

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/examples/shop/order"
	"github.com/slipwayhq/slipway/examples/shop/price"
	"github.com/slipwayhq/slipway/examples/shop/session"
)

// tell passes on what a visitor did, once it was answered: the page that it views now, and what else the answer says.
func (s *Shop) tell(r *http.Request, a answer, who session.Session) {
	if s.Tell == nil {
		return
	}
	place := map[string]any{"page": map[string]any{"path": r.URL.Path, "title": a.title}}
	if a.redirect == "" && a.status < http.StatusBadRequest {
		s.Tell(events.Event{Kind: "page", Name: "page_viewed", Anonymous: who.ID, Context: place})
	}
	if a.did.Name != "" {
		a.did.Anonymous, a.did.Context = who.ID, place
		s.Tell(a.did)
	}
}

func viewed(p catalog.Product) events.Event {
	return events.Event{Name: "product_viewed", Properties: map[string]any{"product": p.ID, "shelf": p.Shelf, "price": euros(p.Price)}}
}

func searched(found int) events.Event {
	return events.Event{Name: "searched", Properties: map[string]any{"found": found}}
}

func filled(p catalog.Product, pieces int) events.Event {
	return events.Event{Name: "cart_filled", Properties: map[string]any{"product": p.ID, "shelf": p.Shelf, "price": euros(p.Price), "pieces": pieces}}
}

// ordered names the customer, so that what the visitor did before counts as the customer's from then on.
func ordered(o order.Order, email string) events.Event {
	pieces := 0
	for _, l := range o.Lines {
		pieces += l.Pieces
	}
	return events.Event{Name: "order_completed", User: customer(email), Properties: map[string]any{"price": euros(o.Total), "shipping": euros(o.Shipping), "pieces": pieces}}
}

// customer is the same for the same address. What is told of somebody names nobody.
func customer(email string) string {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(email)))
	return fmt.Sprintf("customer-%x", h.Sum64())
}

func euros(c price.Cents) float64 { return float64(c) / 100 }
