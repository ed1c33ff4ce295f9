package access

import "strings"

// Name is an actor as people call them: "ana" for "person:ana", "rollout" for "system:rollout".
func Name(actor string) string {
	if _, name, ok := strings.Cut(actor, ":"); ok {
		return name
	}
	return actor
}
