"""The best routes that long searches find, as a yardstick for policies: `docs/routes.md`."""
