package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Person is somebody with a token.
type Person struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Email  string  `json:"email"`
	Admin  bool    `json:"admin"`
	Grants []Grant `json:"grants"`
}

// Grant is a role in an app and an environment of it, "*" for all.
type Grant struct {
	App  string `json:"app"`
	Env  string `json:"environment"`
	Role string `json:"role"`
}

// People lists everybody.
func (c *Client) People(ctx context.Context) ([]Item[Person], error) {
	return all[Item[Person]](ctx, c, "/v1/people", nil)
}

// AddPerson adds somebody.
func (c *Client) AddPerson(ctx context.Context, name, email string, admin bool) (Person, error) {
	body := struct {
		Name  string `json:"name"`
		Email string `json:"email,omitempty"`
		Admin bool   `json:"admin,omitempty"`
	}{name, email, admin}
	var p Person
	return p, c.post(ctx, "/v1/people", body, &p)
}

// RemovePerson ends somebody's tokens, sessions and roles.
func (c *Client) RemovePerson(ctx context.Context, name, why string) error {
	return c.call(ctx, http.MethodDelete, "/v1/people/"+url.PathEscape(name), url.Values{"reason": {why}}, nil, nil, nil)
}

// SignInLink makes a link that signs somebody in, once.
func (c *Client) SignInLink(ctx context.Context, name string) (link string, err error) {
	var made struct {
		URL string `json:"url"`
	}
	return made.URL, c.post(ctx, "/v1/people/"+url.PathEscape(name)+"/links", nil, &made)
}

// SetGrant gives a role in an app ("*": in all), in one environment of it when env is not empty; an empty role takes it away, and without an environment every role in the app.
func (c *Client) SetGrant(ctx context.Context, person string, g Grant) error {
	path := "/v1/apps/" + url.PathEscape(g.App) + "/grants/" + url.PathEscape(person)
	if g.Role == "" {
		return c.call(ctx, http.MethodDelete, path, url.Values{"environment": {g.Env}}, nil, nil, nil)
	}
	body := struct {
		Env  string `json:"environment,omitempty"`
		Role string `json:"role"`
	}{g.Env, g.Role}
	return c.call(ctx, http.MethodPut, path, nil, nil, body, nil)
}

// Token is a person's token, without its secret.
type Token struct {
	ID        string     `json:"id"`
	Person    string     `json:"person"`
	Label     string     `json:"label"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	UsedAt    *time.Time `json:"used_at"`
	// Secret is shown once, by CreateToken.
	Secret string `json:"token,omitempty"`
}

// Tokens lists the caller's tokens, an admin's list everybody's.
func (c *Client) Tokens(ctx context.Context) ([]Item[Token], error) {
	return all[Item[Token]](ctx, c, "/v1/tokens", nil)
}

// CreateToken makes one; person may be empty, expires zero.
func (c *Client) CreateToken(ctx context.Context, label, person string, expires time.Time) (Item[Token], error) {
	body := struct {
		Label   string    `json:"label"`
		Person  string    `json:"person,omitempty"`
		Expires time.Time `json:"expires_at,omitzero"`
	}{label, person, expires}
	var t Item[Token]
	return t, c.post(ctx, "/v1/tokens", body, &t)
}

// RevokeToken ends a token and the sessions that it opened.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil, nil, nil)
}
