package api

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/fault"
)

// NewToken is a token, this once.
type NewToken struct {
	access.Token
	Secret string `json:"token" doc:"The token. It is not stored and cannot be shown again"`
}

// TokenRequest is a token to make.
type TokenRequest struct {
	Label     string     `json:"label" minLength:"1" maxLength:"100" doc:"What it is for" example:"laptop"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends; absent: never"`
	Person    string     `json:"person,omitempty" doc:"Whose it is; absent: yours. Of others takes an admin"`
}

func (s *Server) mountTokens() {
	tokens := s.opts.Access
	register(s, signedIn, "GET /v1/tokens", "List your tokens; an admin sees those of everybody", func(ctx context.Context, id access.Identity, in *struct{ Page }) (*listOf[access.Token], error) {
		person := id.Person.Name
		if id.Can(access.Administer, "") {
			person = ""
		}
		all, err := tokens.Tokens(ctx, person)
		if err != nil {
			return nil, err
		}
		return cut(all, in.Page, func(t access.Token) string { return newestFirst(t.ID) })
	})
	register(s, signedIn, "POST /v1/tokens", "Make a token; it is shown this once", func(ctx context.Context, id access.Identity, in *with[TokenRequest]) (*answer[NewToken], error) {
		person := in.Body.Person
		if person == "" {
			person = id.Person.Name
		}
		if person != id.Person.Name && !id.Can(access.Administer, "") {
			return nil, fault.Forbidden("only an admin makes tokens for others")
		}
		var expires time.Time
		if in.Body.ExpiresAt != nil {
			expires = *in.Body.ExpiresAt
		}
		t, secret, err := tokens.NewToken(ctx, id.Actor(), person, in.Body.Label, expires)
		return answerWith(NewToken{Token: t, Secret: secret}, err)
	})
	type named struct {
		ID string `path:"token" doc:"Id of the token: tok_…"`
	}
	register(s, signedIn, "DELETE /v1/tokens/{token}", "Revoke a token, and end the sessions it opened", func(ctx context.Context, id access.Identity, in *named) (*struct{}, error) {
		return nil, tokens.RevokeToken(ctx, id, in.ID)
	})
}
