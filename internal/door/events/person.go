package events

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// KnownPerson is what is stored of a user: what would be removed were they forgotten now.
type KnownPerson struct {
	User      string    `json:"user"`
	Aliases   []string  `json:"aliases" nullable:"false" doc:"Other ids that an alias says were the same person's"`
	Anonymous []string  `json:"anonymous" nullable:"false" doc:"Anonymous ids that became known as them"`
	Events    int64     `json:"events" doc:"How many are theirs, by any of these ids"`
	First     time.Time `json:"first,omitzero" doc:"When the first of them happened"`
	Last      time.Time `json:"last,omitzero"`
	Failed    int64     `json:"failed" doc:"How many failed events name them"`
}

// mountPerson adds the path of what is stored of one user.
func (d *Door) mountPerson() {
	type asked struct {
		InUser
		KeepAliases bool `query:"keep_aliases" doc:"Without the events of other ids that an alias says were the same person's"`
	}
	type told struct{ Body KnownPerson }
	api.Register(d.API, api.DeployAll, "GET /v1/apps/{app}/events/people/{user}", "Count what is stored of a user, which is what forgetting them would remove", func(ctx context.Context, _ access.Identity, in *asked) (*told, error) {
		store, err := d.Analytics.Store(ctx, in.App)
		if err != nil {
			return nil, err
		}
		person, err := track.Find(ctx, store, in.User, !in.KeepAliases)
		if err != nil {
			return nil, err
		}
		out := KnownPerson{User: person.User, Aliases: person.Aliases, Anonymous: person.Anonymous}
		return &told{out}, out.count(ctx, store, person)
	})
}

// count asks the store.
func (k *KnownPerson) count(ctx context.Context, store analytics.Store, person track.Person) error {
	where, args := person.Where(1)
	table, err := store.Query(ctx, analytics.Query{SQL: `SELECT count(*), min(time), max(time) FROM events WHERE ` + where, Args: args})
	if err != nil {
		return err
	}
	if len(table.Rows) == 1 && len(table.Rows[0]) == 3 {
		k.Events, _ = table.Rows[0][0].(int64)
		k.First, _ = table.Rows[0][1].(time.Time)
		k.Last, _ = table.Rows[0][2].(time.Time)
	}
	theirs := map[int64]bool{}
	for _, id := range append([]string{person.User}, person.Aliases...) {
		if err := failedNaming(ctx, store, id, theirs); err != nil {
			return err
		}
	}
	k.Failed = int64(len(theirs))
	return nil
}

// failedAtOnce is how many failed events are read at once: each may be as large as a body.
const failedAtOnce = 20

// failedNaming adds the sequences of the failed events that name somebody.
func failedNaming(ctx context.Context, store analytics.Store, id string, theirs map[int64]bool) error {
	for after := int64(0); ; {
		table, err := store.Query(ctx, analytics.Query{SQL: `SELECT seq, raw FROM failed WHERE ` + analytics.MayName + ` AND seq > $2 ORDER BY seq`, Args: []any{id, after}, Rows: failedAtOnce})
		if err != nil {
			return err
		}
		for _, row := range table.Rows {
			seq, _ := row[0].(int64)
			raw, _ := row[1].(string)
			if after = seq; analytics.Names([]byte(raw), id) {
				theirs[seq] = true
			}
		}
		if !table.More {
			return nil
		}
	}
}
