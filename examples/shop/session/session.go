// Package session keeps what the shop knows of a visitor in a signed cookie, so that any host can serve any
// request and a restart forgets nobody. A release reads the sessions of the releases before and after it:
// fields it does not know are left out.
package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/examples/shop/cart"
)

const (
	cookieName = "shop_session"
	maxCookie  = 3500 // bytes; browsers keep 4096
)

// Session is what the shop knows of a visitor.
type Session struct {
	ID   string    `json:"id,omitempty"` // drawn at the first page
	Cart cart.Cart `json:"cart"`
}

// Keeper signs sessions and reads what it has signed.
type Keeper struct {
	key []byte
}

// NewKeeper signs with this secret; all hosts of a shop share it.
func NewKeeper(secret string) *Keeper {
	return &Keeper{key: []byte(secret)}
}

// Load reads the session of a request. A visitor without one, or with one that was tampered with, starts afresh.
func (k *Keeper) Load(r *http.Request) Session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return Session{}
	}
	s, err := k.decode(c.Value)
	if err != nil {
		return Session{}
	}
	return s
}

// Save sets the session's cookie.
func (k *Keeper) Save(w http.ResponseWriter, s Session) error {
	value, err := k.encode(s)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 7 * 24 * 3600,
	})
	return nil
}

func (k *Keeper) encode(s Session) (string, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write session: %w", err)
	}
	value := base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(k.sign(body))
	if len(value) > maxCookie {
		return "", fmt.Errorf("write session: %d bytes, at most %d", len(value), maxCookie)
	}
	return value, nil
}

func (k *Keeper) decode(value string) (Session, error) {
	head, tail, _ := strings.Cut(value, ".")
	body, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	mark, err := base64.RawURLEncoding.DecodeString(tail)
	if err != nil || !hmac.Equal(mark, k.sign(body)) {
		return Session{}, fmt.Errorf("read session: signature does not fit")
	}
	var s Session
	if err := json.Unmarshal(body, &s); err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	return s, nil
}

func (k *Keeper) sign(body []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write(body)
	return h.Sum(nil)[:16]
}
