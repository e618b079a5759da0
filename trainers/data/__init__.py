"""Images: sources, splits, batches on the device, augmentation."""
