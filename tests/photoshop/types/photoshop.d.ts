/**
 * `@types/photoshop` with corrections; each says which page of AdobeDocs/uxp-photoshop (below src/pages/) it follows.
 */
import * as typed from "../node_modules/@types/photoshop";
import type { imaging as Imaging } from "../node_modules/@types/photoshop/dom/ImagingModule";

export const action: typeof typed.action;
export const app: typeof typed.app;
export const constants: typeof typed.constants;
export const core: typeof typed.core;

type ImageData = Omit<Imaging.PhotoshopImageData, "getData" | "dispose" | "chunky"> & {
  // ps-reference/media/imaging.md, getData: the options are optional
  getData(options?: Imaging.GetDataOptions): Promise<Uint8Array | Uint16Array | Float32Array>;
  // ps-reference/media/imaging.md, dispose: synchronous
  dispose(): void;
  // ps-reference/media/imaging.md, PhotoshopImageData: the name is isChunky
  isChunky: boolean;
};

// ps-reference/media/imaging.md, putPixels, putLayerMask, putSelection: only left and top of targetBounds are used
type At = { left: number; top: number };
type Put<Options> = Omit<Options, "targetBounds" | "imageData"> & { targetBounds?: At; imageData: ImageData };
type Got<Result> = Omit<Result, "imageData"> & { imageData: ImageData };

export const imaging: {
  getPixels(options: Imaging.GetPixelsOptions): Promise<Got<Imaging.GetPixelsResult>>;
  putPixels(options: Put<Imaging.PutPixelsOptions>): Promise<void>;
  getLayerMask(options: Imaging.GetLayerMaskOptions): Promise<Got<Imaging.GetLayerMaskResult>>;
  putLayerMask(options: Put<Imaging.PutLayerMaskOptions>): Promise<void>;
  getSelection(options: Imaging.GetSelectionOptions): Promise<Got<Imaging.GetSelectionResult>>;
  putSelection(options: Put<Imaging.PutSelectionOptions>): Promise<void>;
  createImageDataFromBuffer(
    buffer: Uint8Array | Uint16Array | Float32Array,
    options: Imaging.CreateImageDataFromBufferOptions,
  ): Promise<ImageData>;
};
