"""What is looked after by GraphQL: endpoints, templates, pods, GPUs, the account."""
