"""Every reader by every badge it can be shown, each through a real agent."""
