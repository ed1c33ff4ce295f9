//go:build cgo

package duck

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// What a person's SQL may name. It is looked at as DuckDB itself has read it, before DuckDB looks for what it names: with enable_external_access off, the store's own files, with all that was removed from it, can still be read by
// functions, and settings tell where they are. So what is not known to be harmless is refused, and a newer DuckDB brings nothing in.

// relations are those of a store.
var relations = []string{"events", "activity", "people", "failed", "learned", "sights", "position", "stored", "visitors", "made", "counted"}

// described are the views that say which columns there are, in the schema information_schema.
var described = []string{"tables", "columns"}

// harmless are the functions that give rows, and reach nothing but what they are given.
var harmless = []string{"unnest", "range", "generate_series", "repeat", "repeat_row", "json_each", "json_tree", "pg_timezone_names"}

// farReaching are the functions in expressions that tell of settings, write, or look at what SQL in a text names.
var farReaching = []string{"current_setting", "write_log", "json_serialize_plan"}

// named is a name that somebody gives to a part of a question (WITH … AS). Another one may be that of a file, and where DuckDB does not find the part in the place in which it is named, it would look for that.
var named = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

// inside begins the names of the views in which DuckDB shows its insides.
var inside = []string{"duckdb_", "pragma_", "sqlite_", "pg_"}

// tables are the ways to name what rows come from, and parts are what questions are made of besides. There are more, which DuckDB makes only for itself.
var (
	tables = []string{"BASE_TABLE", "TABLE_FUNCTION", "SHOW_REF", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "PIVOT", "EMPTY"}
	parts  = []string{"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ASCENDING", "DESCENDING", "ORDER_DEFAULT"}
)

// errReach is the answer to what would reach further than the store.
func errReach() *fault.Error {
	return fault.Invalid("files, the network and settings cannot be reached from here: ask the tables events and people").At("sql")
}

// within refuses what is not one SELECT, and one that names more than the store's relations. What DuckDB cannot read is left to it to complain of.
func within(ctx context.Context, conn *sql.Conn, text string) error {
	var raw string
	if err := conn.QueryRowContext(ctx, `SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)`, text).Scan(&raw); err != nil {
		return fmt.Errorf("have DuckDB read a question: %w", err)
	}
	var read struct {
		Error      bool
		Kind       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []any
	}
	if err := json.Unmarshal([]byte(raw), &read); err != nil {
		return fmt.Errorf("read how DuckDB reads a question: %w", err)
	}
	switch {
	case read.Error && read.Kind == "parser":
		return nil
	case read.Error, len(read.Statements) != 1:
		return errNotSelect()
	}
	return reach(read.Statements[0], partsOf(read.Statements[0], nil))
}

// partsOf are the names that a question gives to parts of itself, in small letters.
func partsOf(node any, names []string) []string {
	switch node := node.(type) {
	case []any:
		for _, one := range node {
			names = partsOf(one, names)
		}
	case map[string]any:
		if with, is := node["cte_map"].(map[string]any); is {
			list, _ := with["map"].([]any)
			for _, one := range list {
				part, _ := one.(map[string]any)
				name := lower(part["key"])
				if named.MatchString(name) && !slices.ContainsFunc(inside, func(sign string) bool { return strings.HasPrefix(name, sign) }) {
					names = append(names, name)
				}
			}
		}
		for _, one := range node {
			names = partsOf(one, names)
		}
	}
	return names
}

// reach looks through all of a question.
func reach(node any, names []string) error {
	switch node := node.(type) {
	case []any:
		for _, one := range node {
			if err := reach(one, names); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := harm(node, names); err != nil {
			return err
		}
		for _, one := range node {
			if err := reach(one, names); err != nil {
				return err
			}
		}
	}
	return nil
}

// harm looks at one part of a question.
func harm(node map[string]any, names []string) error {
	kind, is := node["type"].(string)
	if _, expression := node["class"]; expression {
		if slices.Contains(farReaching, lower(node["function_name"])) {
			return errReach()
		}
		return nil
	}
	switch {
	case !is || strings.HasSuffix(kind, "_TYPE_INFO"): // of a value, or of nothing
		return nil
	case kind == "BASE_TABLE":
		return table(node, names)
	case kind == "TABLE_FUNCTION":
		function, _ := node["function"].(map[string]any)
		if !slices.Contains(harmless, lower(function["function_name"])) {
			return errReach()
		}
	case kind == "SHOW_REF": // DESCRIBE and SUMMARIZE have what they are of as a question
		if node["query"] == nil && (node["show_type"] != "SHOW_UNQUALIFIED" || node["table_name"] != `"tables"`) {
			return errReach()
		}
	case !slices.Contains(tables, kind) && !slices.Contains(parts, kind):
		return errReach()
	}
	return nil
}

// table looks at a name that rows come from.
func table(node map[string]any, names []string) error {
	catalog, schema, name := lower(node["catalog_name"]), lower(node["schema_name"]), lower(node["table_name"])
	switch {
	case catalog == "" && (schema == "" || schema == "main") && slices.Contains(relations, name):
	case catalog == "" && schema == "" && slices.Contains(names, name):
	case catalog == "" && schema == "information_schema" && slices.Contains(described, name):
	case catalog == "" && schema == "" && named.MatchString(name) && !slices.ContainsFunc(inside, func(sign string) bool { return strings.HasPrefix(name, sign) }):
		return fault.Invalid("there is no table %q; there are events, activity, people, failed and learned", name).At("sql")
	default:
		return errReach()
	}
	return nil
}

func lower(v any) string {
	text, _ := v.(string)
	return strings.ToLower(text)
}
