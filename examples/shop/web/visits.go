package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/examples/shop/cart"
	"github.com/slipwayhq/slipway/examples/shop/order"
	"github.com/slipwayhq/slipway/examples/shop/session"
)

func (s *Shop) home(*http.Request, *session.Session) (answer, error) {
	return answer{page: "home", title: "For a day by the sea", data: s.Catalog.All()}, nil
}

func (s *Shop) product(r *http.Request, who *session.Session) (answer, error) {
	p, ok := s.Catalog.Find(r.PathValue("id"))
	if !ok {
		return s.notFound(r, who)
	}
	return answer{page: "product", title: p.Name, data: p, did: viewed(p)}, nil
}

func (s *Shop) search(r *http.Request, _ *session.Session) (answer, error) {
	query := r.URL.Query().Get("q")
	found := s.Catalog.Search(query)
	return answer{page: "search", title: "Search", data: map[string]any{"Query": query, "Found": found}, did: searched(len(found))}, nil
}

func (s *Shop) cart(_ *http.Request, who *session.Session) (answer, error) {
	return answer{page: "cart", title: "Your cart", data: order.Quote(who.Cart, s.Catalog)}, nil
}

func (s *Shop) addToCart(r *http.Request, who *session.Session) (answer, error) {
	id := r.PostFormValue("id")
	p, ok := s.Catalog.Find(id)
	if !ok {
		return s.notFound(r, who)
	}
	pieces, err := strconv.Atoi(r.PostFormValue("pieces"))
	if err != nil || pieces < 1 {
		pieces = 1
	}
	// A cart that is full stays as it is, and the visitor sees it next.
	switch err := who.Cart.Add(id, pieces); {
	case err == nil:
		return answer{redirect: "/cart", did: filled(p, pieces)}, nil
	case errors.Is(err, cart.ErrFull):
		return answer{redirect: "/cart"}, nil
	default:
		return answer{}, err
	}
}

// till is the checkout page: the order, and what is missing in the form.
type till struct {
	Order   order.Order
	Email   string
	Problem string
}

func (s *Shop) checkout(_ *http.Request, who *session.Session) (answer, error) {
	if who.Cart.Pieces() == 0 {
		return answer{redirect: "/cart"}, nil
	}
	return answer{page: "checkout", title: "Checkout", data: till{Order: order.Quote(who.Cart, s.Catalog)}}, nil
}

func (s *Shop) placeOrder(r *http.Request, who *session.Session) (answer, error) {
	email := strings.TrimSpace(r.PostFormValue("email"))
	if before, after, ok := strings.Cut(email, "@"); !ok || before == "" || after == "" {
		t := till{Order: order.Quote(who.Cart, s.Catalog), Email: email, Problem: "Please give an e-mail address, for the receipt."}
		return answer{status: http.StatusUnprocessableEntity, page: "checkout", title: "Checkout", data: t}, nil
	}
	placed, err := order.Place(r.Context(), who.Cart, s.Catalog, s.Desk)
	if errors.Is(err, order.ErrEmpty) {
		return answer{redirect: "/cart"}, nil
	}
	if err != nil {
		return answer{}, err
	}
	who.Cart = cart.Cart{}
	s.Log.Debug("order placed", "number", placed.Number, "total", placed.Total.String())
	return answer{page: "thanks", title: "Thank you", data: placed, did: ordered(placed, email)}, nil
}

func (s *Shop) notFound(*http.Request, *session.Session) (answer, error) {
	return answer{status: http.StatusNotFound, page: "missing", title: "Not here"}, nil
}
