// Package web is the shop as visitors see it: pages, forms and assets.
package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/session"
	"github.com/slipwayhq/slipway/examples/shop/weather"
)

// Options are the parts that a shop is made of; all but Tell are needed.
type Options struct {
	Catalog  *catalog.Catalog
	Sessions *session.Keeper
	Desk     *payment.Desk
	Weather  *weather.Weather
	Tell     func(events.Event) // takes what visitors do
	Log      *slog.Logger
}

// Shop answers requests.
type Shop struct {
	Options
	assets *assets
	pages  *pages
}

// New reads the shop's templates and assets, which are in the program.
func New(o Options) (*Shop, error) {
	a, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	p, err := newPages(a)
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	return &Shop{Options: o, assets: a, pages: p}, nil
}

// Handler serves the whole shop. Health and assets are fine in any weather.
func (s *Shop) Handler() http.Handler {
	inside := http.NewServeMux()
	inside.HandleFunc("GET /{$}", s.visit(s.home))
	inside.HandleFunc("GET /product/{id}", s.visit(s.product))
	inside.HandleFunc("GET /search", s.visit(s.search))
	inside.HandleFunc("GET /cart", s.visit(s.cart))
	inside.HandleFunc("POST /cart/add", s.visit(s.addToCart))
	inside.HandleFunc("GET /checkout", s.visit(s.checkout))
	inside.HandleFunc("POST /checkout", s.visit(s.placeOrder))
	inside.HandleFunc("/", s.visit(s.notFound))

	outside := http.NewServeMux()
	outside.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	outside.Handle("GET /assets/", s.assets)
	outside.Handle("/", s.Weather.Over(inside))
	return outside
}

// answer is what a visit leads to: a page, or another address.
type answer struct {
	status   int
	page     string // name of the template
	title    string
	data     any
	did      events.Event // what the visitor did beside viewing the page, if its name is there
	redirect string
}

// visit gives a handler the visitor's session, keeps it and shows the answer.
func (s *Shop) visit(handle func(*http.Request, *session.Session) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := s.Sessions.Load(r)
		if who.ID == "" {
			who.ID = rand.Text()[:12]
		}
		a, err := handle(r, &who)
		if err == nil {
			err = s.show(w, r, a, who)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.tell(r, a, who)
	}
}

func (s *Shop) show(w http.ResponseWriter, r *http.Request, a answer, who session.Session) error {
	body, err := s.pages.render(a, who)
	if err != nil {
		return err
	}
	if err := s.Sessions.Save(w, who); err != nil {
		return err
	}
	if a.redirect != "" {
		http.Redirect(w, r, a.redirect, http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(max(a.status, http.StatusOK))
	_, _ = w.Write(body) // an error here is a visitor who left
	return nil
}

// fail answers a visit that went wrong; the visitor learns no more than needed.
func (s *Shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	if errors.Is(err, payment.ErrTimeout) {
		http.Error(w, payment.ErrTimeout.Error(), http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "something went wrong on our side", http.StatusInternalServerError)
}
