"""Model servers beside which ours is measured, each in the configuration with one worker that serves it best."""
