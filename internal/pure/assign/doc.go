// Package assign evaluates feature flags.
package assign
