package api

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/pages"
)

// Session is who the caller is, and what the UI has to know first.
type Session struct {
	Person  SessionPerson  `json:"person"`
	Admin   bool           `json:"admin"`
	Grants  []access.Grant `json:"grants" nullable:"false"`
	Version string         `json:"version" doc:"Of the server"`
	URL     string         `json:"url" doc:"Where people reach this server"`
	EdgeURL string         `json:"edge_url" doc:"Where visitors reach the apps"`
	Demo    bool           `json:"demo"`
}

// SessionPerson is the caller.
type SessionPerson struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// SignIn is what it takes to sign in.
type SignIn struct {
	Token string `json:"token" minLength:"1" maxLength:"1000" doc:"A token: slt_…"`
}

func (s *Server) mountSession() {
	register(s, signedIn, "GET /v1/session", "Who am I?", func(_ context.Context, id access.Identity, _ *struct{}) (*answer[Session], error) {
		return answerWith(s.session(id), nil)
	})
	type cookie struct {
		SetCookie string `header:"Set-Cookie"`
		Body      Session
	}
	register(s, public, "POST /v1/session", "Sign in with a token: sets the session cookie", func(ctx context.Context, _ access.Identity, in *with[SignIn]) (*cookie, error) {
		r := requestOf(ctx).http
		c, id, err := s.opts.Access.SignIn(ctx, r.RemoteAddr, in.Body.Token, secure(r))
		if err != nil {
			return nil, err
		}
		return &cookie{SetCookie: c.String(), Body: s.session(id)}, nil
	})
	type gone struct {
		SetCookie string `header:"Set-Cookie"`
	}
	register(s, public, "DELETE /v1/session", "Sign out", func(ctx context.Context, _ access.Identity, _ *struct{}) (*gone, error) {
		c, err := s.opts.Access.SignOut(ctx, requestOf(ctx).http)
		if err != nil {
			return nil, err
		}
		return &gone{SetCookie: c.String()}, nil
	})
	s.mux.HandleFunc("GET /login", s.login)
}

func (s *Server) session(id access.Identity) Session {
	p := id.Person
	return Session{
		Person: SessionPerson{p.ID, p.Name, p.Email}, Admin: p.Admin, Grants: p.Grants,
		Version: s.opts.Version, URL: s.opts.URL, EdgeURL: s.opts.EdgeURL, Demo: s.opts.Demo,
	}
}

// login is where a printed link leads: it signs in once and goes on to the UI. Without a code it is the UI's own page.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("token")
	if code == "" || r.Method == http.MethodHead { // a chat that looks where a link leads must not use it up
		s.serveUI(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the code is in this page's address
	c, _, err := s.opts.Access.SignInByCode(r.Context(), r.RemoteAddr, code, secure(r))
	if err != nil {
		s.loginFailed(w, r, err)
		return
	}
	http.SetCookie(w, c)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// loginFailed answers a person in a browser; who is signed in already needs no link.
func (s *Server) loginFailed(w http.ResponseWriter, r *http.Request, err error) {
	if id, authErr := s.opts.Access.Authenticate(r.Context(), r); authErr == nil && id.Person.ID != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p := problemOf(err)
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.writeProblem(w, r, err)
		return
	}
	s.logInternal(r.Context(), p, err)
	pages.Headers(w, pages.Policy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = fmt.Fprintf(w, deadLink, html.EscapeString(p.Detail)) // who does not listen any more needs no answer
}

// deadLink is what somebody sees whose link does not work: most often one that was opened before, perhaps by themselves.
const deadLink = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>This link does not sign you in · Slipway</title>
<style>
  :root { color-scheme: light dark; }
  body { max-width: 34rem; margin: 12vh auto 0; padding: 0 1.25rem; font: 16px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.25rem; }
</style>
<main>
<h1>This link does not sign you in</h1>
<p>%s.</p>
<ul>
<li>You have a token: <a href="/login">sign in with it</a>.</li>
<li>You have none: an admin makes a link for you. Each works once, for a day.</li>
<li>You are the admin, and the first start's token is lost: start the server once with <code>SLIPWAY_ADMIN_TOKEN</code> set to a new one.</li>
</ul>
</main>
</html>
`

// secure tells whether the browser speaks TLS, with us or with a proxy in front.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
