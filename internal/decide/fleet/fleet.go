package fleet

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Agent states.
const (
	StateUp   = "up"
	StateLost = "lost"
)

// Agent is one machine, or one edge.
type Agent struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Roles    []string          `json:"roles"`
	State    string            `json:"state" enum:"up,lost"`
	Addr     string            `json:"addr,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	CPUs     int               `json:"cpus,omitempty"`
	Version  string            `json:"version,omitempty"`
	JoinedAt time.Time         `json:"joined_at"`
	SeenAt   time.Time         `json:"last_seen"`
	Sample   *wire.Sample      `json:"sample,omitempty"`
}

// Has tells whether the agent plays the role.
func (a Agent) Has(role string) bool { return slices.Contains(a.Roles, role) }

// JoinToken is what an admin sees of a join token after it was made.
type JoinToken struct {
	ID        string    `json:"id"`
	Label     string    `json:"label"`
	Roles     []string  `json:"roles"`
	Uses      int64     `json:"uses" doc:"Joins left; -1 means any number"`
	Expires   time.Time `json:"expires,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

// samplesKept is how many samples of a host are kept in memory for its sparkline: ten minutes at one each BeatEvery.
const samplesKept = 200

// Service is the slice as the doors see it.
type Service struct {
	db  *db.DB
	log *slog.Logger

	mu      sync.Mutex
	start   time.Time                // since when everybody could be heard
	flushed time.Time                // when silence was last looked for
	seen    map[string]time.Time     // since the last flush
	samples map[string][]wire.Sample // newest last
	creds   map[string]Agent         // by credential hash; filled on use, dropped on change
}

// New makes the slice. Run it too.
func New(d *db.DB, log *slog.Logger) *Service {
	return &Service{db: d, log: log, start: d.Now(), flushed: d.Now(), seen: map[string]time.Time{}, samples: map[string][]wire.Sample{}, creds: map[string]Agent{}}
}

// lock is held by all that reads agents or join tokens in order to change them.
const lock = "fleet"

// change is db.Tx under the lock.
func (s *Service) change(ctx context.Context, fn func(*db.Tx) error) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, lock); err != nil {
			return err
		}
		return fn(tx)
	})
}

// JoinLife is how long a join token is valid when nobody says otherwise: who finds an old one must not become a host, which is given secrets.
const JoinLife = 24 * time.Hour

// CreateJoin makes a join token and gives the secret, which is shown once. Uses 0 or -1 means any number; a zero Expires means JoinLife from now.
func (s *Service) CreateJoin(ctx context.Context, actor string, spec JoinToken) (JoinToken, string, error) {
	if err := checkJoin(wire.JoinRequest{Name: "-", Key: "00000000000000000000000000000000", Roles: spec.Roles}); err != nil {
		return JoinToken{}, "", err
	}
	if spec.Uses == 0 {
		spec.Uses = -1
	}
	now := s.db.Now()
	if spec.Expires.IsZero() {
		spec.Expires = now.Add(JoinLife)
	}
	if !spec.Expires.After(now) {
		return JoinToken{}, "", fault.Invalid("the join token would expire at %s, which is past", spec.Expires.UTC().Format(time.RFC3339)).At("expires")
	}
	secret := newSecret("slj")
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		spec.ID, spec.CreatedAt, spec.CreatedBy = event.NewKey("joi", tx.Now()), tx.Now(), actor
		if err := insertJoin(ctx, tx, spec, hash(secret)); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "join_token.created", Target: spec.ID, Detail: map[string]any{
			"label": spec.Label, "roles": spec.Roles, "uses": spec.Uses, "expires": spec.Expires.UTC(),
		}})
	})
	return spec, secret, err
}

// Joins lists join tokens, newest first.
func (s *Service) Joins(ctx context.Context) ([]JoinToken, error) { return selectJoins(ctx, s.db) }

// RevokeJoin voids a join token. Agents that joined by it stay.
func (s *Service) RevokeJoin(ctx context.Context, actor, id string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		label, err := deleteJoin(ctx, tx, id)
		if err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "join_token.revoked", Target: id, Detail: map[string]any{"label": label}})
	})
}

// Join makes a machine an agent. A machine that says the same again, since the answer was lost on its way, takes no further use of its token.
func (s *Service) Join(ctx context.Context, r wire.JoinRequest) (wire.JoinAnswer, error) {
	if err := checkJoin(r); err != nil {
		return wire.JoinAnswer{}, err
	}
	ans := wire.JoinAnswer{Credential: newSecret("sla")}
	err := s.change(ctx, func(tx *db.Tx) error {
		token, err := joinByHash(ctx, tx, hash(r.Token))
		if err != nil {
			return err
		}
		known, err := machineByName(ctx, tx, r.Name)
		if err != nil {
			return err
		}
		repeated := known.id != "" && known.keyHash == hash(r.Key) && known.joinID == token.ID
		if err := allowed(token, r.Roles, repeated, tx.Now()); err != nil {
			return err
		}
		if ans.Agent, err = s.admit(ctx, tx, r, known, hash(ans.Credential), token.ID); err != nil {
			return err
		}
		if !repeated {
			if err := spendJoin(ctx, tx, token.ID); err != nil {
				return err
			}
		}
		return access.Audit(ctx, tx, access.Entry{Actor: "agent:" + ans.Agent, Action: "agent.joined", Target: ans.Agent, Detail: map[string]any{
			"name": r.Name, "roles": r.Roles, "join_token": token.ID, "label": token.Label, "again": known.id != "",
		}})
	})
	if err != nil {
		return wire.JoinAnswer{}, err
	}
	s.forget()
	return ans, nil
}

// admit stores a new agent, or gives a known machine a new credential. joinID is the token it joins by, empty for an agent of the server's own.
func (s *Service) admit(ctx context.Context, tx *db.Tx, r wire.JoinRequest, known machine, cred, joinID string) (string, error) {
	a := Agent{
		ID: event.NewKey("agt", tx.Now()), Name: r.Name, Roles: r.Roles, State: StateUp, Addr: r.Addr, Labels: r.Labels,
		CPUs: r.CPUs, Version: r.Version, JoinedAt: tx.Now(), SeenAt: tx.Now(),
	}
	if known.id != "" {
		if known.keyHash != hash(r.Key) {
			return "", fault.Conflict("an agent named %q is there already, on another machine; choose another --name or remove that one first", r.Name)
		}
		a.ID = known.id
		was, err := agentByID(ctx, tx, a.ID)
		if err != nil {
			return "", err
		}
		if err := updateAgent(ctx, tx, a, cred, joinID); err != nil {
			return "", err
		}
		if slices.Equal(was.Roles, a.Roles) && maps.Equal(was.Labels, a.Labels) && was.Addr == a.Addr {
			return a.ID, nil // the same machine as before
		}
	} else if err := insertAgent(ctx, tx, a, hash(r.Key), cred, joinID); err != nil {
		return "", err
	}
	_, err := tx.Emit(ctx, event.Meta{Actor: "agent:" + a.ID}, event.AgentJoined{Agent: a.ID, Name: a.Name, Roles: a.Roles, Addr: a.Addr, Labels: a.Labels})
	return a.ID, err
}

// Authenticate finds the agent of a credential; unauthorized when there is none.
func (s *Service) Authenticate(ctx context.Context, credential string) (Agent, error) {
	h := hash(credential)
	s.mu.Lock()
	a, ok := s.creds[h]
	s.mu.Unlock()
	if ok && !s.db.Shared() { // another server may have removed it meanwhile
		return a, nil
	}
	a, err := agentByCredential(ctx, s.db, h)
	if err != nil {
		return Agent{}, err
	}
	s.mu.Lock()
	s.creds[h] = a
	s.mu.Unlock()
	return a, nil
}

// Seen notes a sign of life. It is written in batches by Run.
func (s *Service) Seen(id string, sample *wire.Sample) {
	now := s.db.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = now
	if sample == nil {
		return
	}
	kept := append(s.samples[id], *sample)
	if len(kept) > samplesKept {
		kept = slices.Delete(kept, 0, len(kept)-samplesKept)
	}
	s.samples[id] = kept
}

// Samples gives the last minutes of a host, oldest first.
func (s *Service) Samples(id string) []wire.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.samples[id])
}

// Agents lists the agents that play the role, or all when it is empty, by name.
func (s *Service) Agents(ctx context.Context, role string) ([]Agent, error) {
	all, err := selectAgents(ctx, s.db)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := all[:0]
	for _, a := range all {
		if role != "" && !a.Has(role) {
			continue
		}
		if t := s.seen[a.ID]; t.After(a.SeenAt) {
			a.SeenAt = t
		}
		if k := s.samples[a.ID]; len(k) > 0 {
			a.Sample = &k[len(k)-1]
		}
		out = append(out, a)
	}
	return out, nil
}

// Remove takes an agent out and voids its credential.
func (s *Service) Remove(ctx context.Context, actor, id, reason string) error {
	err := s.change(ctx, func(tx *db.Tx) error {
		a, err := deleteAgent(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err = tx.Emit(ctx, event.Meta{Actor: actor}, event.AgentRemoved{Agent: a.ID, Name: a.Name, Roles: a.Roles, Reason: reason}); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: actor, Action: "agent.removed", Target: a.ID, Reason: reason, Detail: map[string]any{"name": a.Name, "roles": a.Roles}})
	})
	s.forget()
	return err
}

// forget drops the cache of credentials.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.creds)
}

// newSecret makes a secret of 256 random bits behind a prefix that tells what it is.
func newSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return fmt.Sprintf("%s_%s", prefix, hex.EncodeToString(b[:]))
}

// hash is how secrets are kept. They are random and long, so no salt is needed.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Own makes sure that an agent of this server's own (its edge) exists under the name with the credential; it gives the agent's id. Such an agent is not joined by
// a token: who runs the server vouches for it.
func (s *Service) Own(ctx context.Context, name string, roles []string, credential string) (id string, err error) {
	err = s.change(ctx, func(tx *db.Tx) error {
		known, err := machineByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if known.id != "" {
			a := Agent{ID: known.id, Name: name, Roles: roles, SeenAt: tx.Now()}
			id = known.id
			return updateAgent(ctx, tx, a, hash(credential), "")
		}
		if id, err = s.admit(ctx, tx, wire.JoinRequest{Name: name, Key: credential, Roles: roles}, known, hash(credential), ""); err != nil {
			return err
		}
		return access.Audit(ctx, tx, access.Entry{Actor: "system:fleet", Action: "agent.joined", Target: id, Reason: "this server's own", Detail: map[string]any{"name": name, "roles": roles}})
	})
	s.forget()
	return id, err
}
