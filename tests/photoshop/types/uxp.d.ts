/** The part of `require("uxp")` that the plugin uses; pages are of AdobeDocs/uxp-photoshop, below src/pages/. */

// uxp-api/reference-js/modules/uxp/entry-points/entry-points.md
export const entrypoints: {
  setup(entries: {
    plugin: { create(): void; destroy(): void };
    panels: Record<string, { show(): void }>;
  }): void;
};

export const storage: {
  // uxp-api/reference-js/modules/uxp/key-value-storage/secure-storage.md
  secureStorage: {
    getItem(key: string): Promise<Uint8Array>;
    setItem(key: string, value: string): Promise<void>;
    removeItem(key: string): Promise<void>;
  };
};

// uxp-api/reference-js/modules/uxp/host-information/host.md
export const host: { name: string; version: string; uiLocale: string };

// uxp-api/reference-js/modules/uxp/versions/versions.md
export const versions: { uxp: string; plugin: string };
